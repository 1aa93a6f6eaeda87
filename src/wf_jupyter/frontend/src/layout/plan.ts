// A graph comes in, its plan goes out: the part of the layout that also runs beside the page. What else of it
// the page needs passes through here, so that the bundle holds it once.
import { align, settle } from "./align.ts";
import { DUMMY, layered, type Layers, type Sketch } from "./layers.ts";
import { untangle } from "./order.ts";
import { ranks } from "./ranks.ts";

export { DUMMY, ranks, settle };

/** A connected graph with its centres across: all that a worker needs to hand over. */
export interface Aligned {
  readonly graph: Layers;
  readonly at: number[];
}

/** Lay out a connected graph. */
export function aligned(sketch: Sketch): Aligned {
  const { layers, up, down } = layered(sketch);
  untangle(layers, up, down);
  return { graph: layers, at: align(layers, up, down) };
}

/** A layout as plain data, which passes from a worker to the page. */
export interface Plan {
  readonly parts: readonly { readonly members: readonly number[]; readonly aligned: Aligned }[];
}

/** Find the layout of a graph, without its page. */
export function plan(sketch: Sketch): Plan {
  return { parts: split(sketch).map(({ members, inner }) => ({ members, aligned: aligned(inner) })) };
}

/** The connected parts of a graph, in order of their first node. */
function split(sketch: Sketch): { members: number[]; inner: Sketch }[] {
  const n = sketch.across.length;
  const root = Array.from({ length: n }, (_, i) => i);
  const find = (node: number): number => {
    while (root[node] !== node) node = root[node] = root[root[node]!]!;
    return node;
  };
  sketch.sources.forEach((source, edge) => {
    const a = find(source);
    const b = find(sketch.targets[edge]!);
    root[Math.max(a, b)] = Math.min(a, b);
  });
  const parts = new Map<number, { members: number[]; sources: number[]; targets: number[] }>();
  const local: number[] = [];
  for (let node = 0; node < n; node++) {
    const top = find(node);
    const part = parts.get(top) ?? { members: [], sources: [], targets: [] };
    parts.set(top, part);
    local[node] = part.members.push(node) - 1;
  }
  sketch.sources.forEach((source, edge) => {
    const part = parts.get(find(source))!;
    part.sources.push(local[source]!);
    part.targets.push(local[sketch.targets[edge]!]!);
  });
  return [...parts.values()].map(({ members, sources, targets }) => {
    const across = members.map((node) => sketch.across[node]!);
    const along = members.map((node) => sketch.along[node]!);
    return { members, inner: { across, along, sources, targets } };
  });
}
