// One connected part of the drawing, in its own coordinates.
import type { Layers } from "./layers.ts";
import { DUMMY, settle, type Aligned } from "./plan.ts";

/** Space between ranks: room for the curves. */
export const RANK_GAP = 40;

/** A laid-out connected graph. What it calls a vertex keeps its number for good. */
export class Component {
  readonly graph: Layers;
  /** Centre of each vertex across, from 0. */
  at: number[];
  /** Start of each rank along, and its extent. */
  start: number[] = [];
  extent: number[] = [];
  width = 0;
  length = 0;
  /** Ranks that must make room, and the vertices that are new there. */
  #crowded = new Map<number, Set<number>>();

  constructor({ graph, at }: Aligned) {
    this.graph = graph;
    this.at = at;
    this.measure();
  }

  /** Make room where something changed, and find the extent of ranks and of the whole again. */
  measure(): void {
    const { layers, across, along } = this.graph;
    for (const [rank, fresh] of this.#crowded) {
      // what was there is heavy, what is new gives way
      settle(this.graph, layers[rank]!, (v) => this.at[v]!, (v) => (fresh.has(v) ? 1 : 100), this.at);
    }
    this.#crowded.clear();
    this.extent = layers.map((layer) => layer.reduce((most, v) => Math.max(most, along[v]!), 0));
    this.start = [];
    this.length = 0;
    for (const extent of this.extent) {
      this.start.push(this.length);
      this.length += extent + RANK_GAP;
    }
    this.length -= RANK_GAP;
    const least = this.at.reduce((low, x, v) => Math.min(low, x - across[v]! / 2), Number.POSITIVE_INFINITY);
    if (least < 0) this.at = this.at.map((x) => x - least);
    this.width = this.at.reduce((most, x, v) => Math.max(most, x + across[v]! / 2), 0);
  }

  /** Give a node another size, keeping every order and moving as little as possible. `measure` is due afterwards. */
  resize(vertex: number, across: number, along: number): void {
    this.graph.across[vertex] = across;
    this.graph.along[vertex] = along;
    this.#crowd(this.graph.rank[vertex]!);
  }

  /**
   * Add a node in `rank` below its `sources` (vertices of this component), as near as can be to them or else to
   * `beside`; returns its vertex. All others stay in order; only vertices of the ranks that it touches move, and only
   * as far as it needs room. `measure` is due afterwards.
   */
  insert(across: number, along: number, rank: number, sources: readonly number[], beside = sources): number {
    const centre = beside.reduce((sum, source) => sum + this.at[source]!, 0) / Math.max(1, beside.length);
    for (const source of sources) this.extend(source, rank);
    return this.#place(rank, centre, across, along, 0);
  }

  /** The first rank below all `sources`. */
  below(sources: readonly number[]): number {
    return sources.reduce((most, source) => Math.max(most, this.graph.rank[source]! + 1), 0);
  }

  /** The first rank that starts at `along` or later; it may have to be added. */
  rankFrom(along: number): number {
    const rank = this.start.findIndex((start) => start >= along);
    return rank >= 0 ? rank : this.start.length + Math.max(0, Math.ceil((along - this.length - RANK_GAP) / RANK_GAP));
  }

  /** Lengthen a source's chain so that an edge to `rank` can use it. `measure` is due afterwards. */
  extend(source: number, rank: number): void {
    const { graph } = this;
    const dummies = graph.chain.get(source) ?? [];
    for (let r = graph.rank[source]! + 1 + dummies.length; r < rank; r++) {
      dummies.push(this.#place(r, this.at[dummies.at(-1) ?? source]!, DUMMY, 0, 1));
    }
    if (dummies.length > 0) graph.chain.set(source, dummies);
  }

  #place(rank: number, centre: number, across: number, along: number, dummy: number): number {
    const { graph, at } = this;
    const vertex = graph.rank.length;
    graph.rank.push(rank);
    graph.dummy.push(dummy);
    graph.across.push(across);
    graph.along.push(along);
    at.push(centre);
    while (graph.layers.length <= rank) graph.layers.push([]);
    const layer = graph.layers[rank]!;
    let low = 0;
    for (let high = layer.length; low < high; ) {
      const middle = (low + high) >> 1;
      if (at[layer[middle]!]! > centre) high = middle;
      else low = middle + 1;
    }
    layer.splice(low, 0, vertex);
    this.#crowd(rank).add(vertex);
    return vertex;
  }

  #crowd(rank: number): Set<number> {
    const fresh = this.#crowded.get(rank) ?? new Set<number>();
    this.#crowded.set(rank, fresh);
    return fresh;
  }
}
