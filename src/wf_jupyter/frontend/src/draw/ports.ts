// Where edges leave and enter their cards: side by side, in the order of where they go.
import type { Drawn } from "../layout/visible-graph.ts";
import type { Bend, Layout, Place } from "../layout/layout.ts";

const GAP = 16;
/** Room that is left at the corners of a card. */
const CORNERS = 40;

/** Places across at which each edge leaves its source, and enters its target. */
export function ports(graph: Drawn, layout: Layout, across: readonly number[]): [out: number[], into: number[]] {
  const { sources, targets } = graph;
  const places = graph.nodes.map((_, node) => layout.place(node));
  const bends = sources.map((source, edge) => layout.bends(source, targets[edge]!));
  const outward = sources.map((_, edge) => bends[edge]![0]?.across ?? places[targets[edge]!]!.across);
  const inward = sources.map((source, edge) => bends[edge]!.at(-1)?.across ?? places[source]!.across);
  return [spread(sources, places, outward, across, bends), spread(targets, places, inward, across, null)];
}

function spread(
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
    const lanes = new Map<number, number[]>();
    for (const edge of edges) {
      const name = bends !== null && bends[edge]!.length > 0 ? -1 : edge;
      const lane = lanes.get(name) ?? [];
      lanes.set(name, lane);
      lane.push(edge);
    }
    const ordered = [...lanes.values()].sort((a, b) => toward[a[0]!]! - toward[b[0]!]!);
    const gap = Math.min(GAP, (across[node]! - CORNERS) / Math.max(1, ordered.length - 1));
    ordered.forEach((lane, i) => {
      for (const edge of lane) result[edge] = places[node]!.across + (i - (ordered.length - 1) / 2) * gap;
    });
  }
  return result;
}
