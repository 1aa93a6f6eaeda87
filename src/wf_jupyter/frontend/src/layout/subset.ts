// A part of a drawing: what belongs to one task, what is not done yet, what went wrong.
import type { Drawn } from "./visible-graph.ts";

/** The nodes in `kept` with the edges between them: in the order of a list, or those of a set as they were declared. */
export function subset(whole: Drawn, kept: ReadonlySet<number> | readonly number[]): Drawn {
  const index = new Int32Array(whole.nodes.length).fill(-1);
  const chosen = kept instanceof Set ? [...kept].sort((a: number, b: number) => a - b) : [...kept];
  const nodes = chosen.map((node) => whole.nodes[node]!);
  chosen.forEach((node, next) => (index[node] = next));
  const sources: number[] = [];
  const targets: number[] = [];
  whole.sources.forEach((source, edge) => {
    const target = whole.targets[edge]!;
    if (index[source]! < 0 || index[target]! < 0) return;
    sources.push(index[source]!);
    targets.push(index[target]!);
  });
  const of = (key: string): number | undefined => {
    const node = whole.of(key);
    return node === undefined || index[node]! < 0 ? undefined : index[node];
  };
  return { nodes, sources, targets, of };
}

/** The node, all that it waits for and all that waits for it, directly or not. */
export function kin(whole: Drawn, node: number): Set<number> {
  const found = reach(whole.sources, whole.targets, whole.nodes.length, [node]);
  for (const other of reach(whole.targets, whole.sources, whole.nodes.length, [node])) found.add(other);
  return found;
}

/** All nodes that one comes to from `starts`, and those. */
export function reach(from: readonly number[], to: readonly number[], nodes: number, starts: readonly number[]): Set<number> {
  const next: number[][] = Array.from({ length: nodes }, () => []);
  from.forEach((node, edge) => next[node]!.push(to[edge]!));
  const found = new Set(starts);
  for (const node of found) for (const other of next[node]!) found.add(other);
  return found;
}
