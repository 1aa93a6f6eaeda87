// A layered graph: real nodes, and for edges over several ranks one chain of dummies per source.
import { ranks } from "./ranks.ts";

/** A graph to be drawn: sizes across and along the direction of flow, and edges as pairs of nodes. */
export interface Sketch {
  readonly across: readonly number[];
  readonly along: readonly number[];
  readonly sources: readonly number[];
  readonly targets: readonly number[];
}

/** Vertices are the nodes of the sketch, then the dummies, then whatever was added. `layers` holds them in order. */
export interface Layers {
  readonly rank: number[];
  /** 1 for a dummy. */
  readonly dummy: number[];
  readonly across: number[];
  readonly along: number[];
  readonly layers: number[][];
  /** First dummy of a source's chain; the chain has one dummy per rank below the source. */
  readonly chain: Map<number, number[]>;
}

/** Neighbours in one direction: those of `v` are `list[start[v]]` up to `list[start[v + 1]]`. */
export interface Links {
  readonly start: Int32Array;
  readonly list: Int32Array;
}

/** How much room the curve of a long edge takes in a rank that it passes. */
export const DUMMY = 10;

/** Rank the nodes, add the chains, and give every rank a first order: depth first, as declared. */
export function layered(sketch: Sketch): { layers: Layers; up: Links; down: Links } {
  const n = sketch.across.length;
  const { rank, kept } = ranks(n, sketch.sources, sketch.targets);
  const across = [...sketch.across];
  const along = [...sketch.along];
  const dummy = new Array<number>(n).fill(0);
  const chain = new Map<number, number[]>();
  const from: number[] = [];
  const to: number[] = [];
  const reach = new Int32Array(n).fill(-1);
  sketch.sources.forEach((source, edge) => {
    if (kept[edge]) reach[source] = Math.max(reach[source]!, rank[sketch.targets[edge]!]!);
  });
  for (let source = 0; source < n; source++) {
    const dummies: number[] = [];
    for (let r = rank[source]! + 1; r < reach[source]!; r++) {
      from.push(dummies.at(-1) ?? source);
      to.push(rank.length);
      dummies.push(rank.length);
      rank.push(r);
      dummy.push(1);
      across.push(DUMMY);
      along.push(0);
    }
    if (dummies.length > 0) chain.set(source, dummies);
  }
  sketch.sources.forEach((source, edge) => {
    if (!kept[edge]) return;
    const target = sketch.targets[edge]!;
    const gap = rank[target]! - rank[source]!;
    from.push(gap > 1 ? chain.get(source)![gap - 2]! : source);
    to.push(target);
  });
  const down = links(rank.length, from, to);
  const up = links(rank.length, to, from);
  return { layers: { rank, dummy, across, along, layers: firstOrder(rank, up, down), chain }, up, down };
}

function links(count: number, from: readonly number[], to: readonly number[]): Links {
  const start = new Int32Array(count + 1);
  for (const v of from) start[v + 1]!++;
  for (let v = 0; v < count; v++) start[v + 1]! += start[v]!;
  const next = start.slice();
  const list = new Int32Array(from.length);
  from.forEach((v, i) => (list[next[v]!++] = to[i]!));
  return { start, list };
}

function firstOrder(rank: readonly number[], up: Links, down: Links): number[][] {
  const layers: number[][] = [];
  const seen = new Uint8Array(rank.length);
  for (let root = 0; root < rank.length; root++) {
    if (up.start[root] !== up.start[root + 1]) continue;
    const stack = [root];
    while (stack.length > 0) {
      const v = stack.pop()!;
      if (seen[v]) continue;
      seen[v] = 1;
      (layers[rank[v]!] ??= []).push(v);
      for (let i = down.start[v + 1]! - 1; i >= down.start[v]!; i--) stack.push(down.list[i]!);
    }
  }
  return Array.from(layers, (layer) => layer ?? []);
}
