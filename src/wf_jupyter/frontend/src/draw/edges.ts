// Edges as smooth curves: out of the bottom of a card, straight past the ranks between, into the top of the next.
import type { Drawn } from "../layout/drawn.ts";
import type { Bend, Layout, Place } from "../layout/layout.ts";

/** An edge as points along its way; pairs of (x, y), joined by curves and, past ranks, straight lines. */
export interface Route {
  readonly source: number;
  readonly target: number;
  /** Path of the line, and of the arrow head at its end. */
  readonly line: string;
  readonly head: string;
}

/** Sizes of a node across and along. */
export interface Sizes {
  readonly across: readonly number[];
  readonly along: readonly number[];
}

const PORT_GAP = 16;
const HEAD = 6;

/** Routes of all edges. `turned` swaps the axes: the flow goes from left to right. */
export function routes(graph: Drawn, layout: Layout, sizes: Sizes, turned: boolean): Route[] {
  const places = graph.nodes.map((_, node) => layout.place(node));
  const bends = graph.sources.map((source, edge) => layout.bends(source, graph.targets[edge]!));
  const outward = graph.sources.map((_, edge) => bends[edge]![0]?.across ?? places[graph.targets[edge]!]!.across);
  const inward = graph.sources.map((source, edge) => bends[edge]!.at(-1)?.across ?? places[source]!.across);
  const out = ports(graph.sources, places, outward, sizes.across, bends);
  const into = ports(graph.targets, places, inward, sizes.across, null);
  return graph.sources.map((source, edge) => {
    const target = graph.targets[edge]!;
    const from = places[source]!;
    const start: Point = [out[edge]!, from.along + sizes.along[source]!];
    const end: Point = [into[edge]!, places[target]!.along];
    return { source, target, ...draw(start, from.rankEnd, bends[edge]!, end, turned) };
  });
}

type Point = readonly [across: number, along: number];

/** Where each edge leaves or enters its node: side by side, in the order of where they go. */
function ports(
  ends: readonly number[],
  places: readonly Place[],
  toward: readonly number[],
  across: readonly number[],
  bends: readonly (readonly Bend[])[] | null,
): number[] {
  const byNode = new Map<number, number[]>();
  ends.forEach((node, edge) => {
    const edges = byNode.get(node) ?? [];
    byNode.set(node, edges);
    edges.push(edge);
  });
  const result: number[] = new Array<number>(ends.length);
  for (const [node, edges] of byNode) {
    // edges that share a chain of bends leave through one port
    const lanes = new Map<string, number[]>();
    for (const edge of edges) {
      const name = bends !== null && bends[edge]!.length > 0 ? "chain" : `edge ${edge}`;
      const lane = lanes.get(name) ?? [];
      lanes.set(name, lane);
      lane.push(edge);
    }
    const ordered = [...lanes.values()].sort((a, b) => toward[a[0]!]! - toward[b[0]!]!);
    const gap = Math.min(PORT_GAP, (across[node]! - 40) / Math.max(1, ordered.length - 1));
    ordered.forEach((lane, i) => {
      for (const edge of lane) result[edge] = places[node]!.across + (i - (ordered.length - 1) / 2) * gap;
    });
  }
  return result;
}

function draw(start: Point, rankEnd: number, bends: readonly Bend[], end: Point, turned: boolean): { line: string; head: string } {
  const at = ([across, along]: Point): string => (turned ? `${r(along)} ${r(across)}` : `${r(across)} ${r(along)}`);
  const tip: Point = [end[0], end[1] - HEAD];
  let path = `M${at(start)}`;
  let here = start;
  if (rankEnd > start[1] + 1) {
    here = [start[0], rankEnd];
    path += `L${at(here)}`;
  }
  const curve = (to: Point): void => {
    const middle = (to[1] - here[1]) * 0.5;
    if (Math.abs(to[0] - here[0]) < 0.5) path += `L${at(to)}`;
    else path += `C${at([here[0], here[1] + middle])} ${at([to[0], to[1] - middle])} ${at(to)}`;
    here = to;
  };
  for (const bend of bends) {
    curve([bend.across, bend.from]);
    here = [bend.across, bend.to];
    path += `L${at(here)}`;
  }
  curve(tip);
  const wing = (side: number): Point => [end[0] + side * 4.2, end[1] - HEAD - 0.5];
  return { line: path, head: `M${at(wing(-1))}L${at(wing(1))}L${at(end)}Z` };
}

function r(value: number): string {
  return String(Math.round(value * 10) / 10);
}
