// Which part of a graph is drawn: all, what is not done, what went wrong, or one task with its kin.
import type { Run } from "../fold/run.ts";
import { CANCELLED, FAILED, hasValue, SKIPPED, URGENCY } from "../fold/statuses.ts";
import type { Drawn } from "../layout/visible-graph.ts";
import { kin, reach } from "../layout/subset.ts";
import { nodeStatus } from "./facts.ts";
import type { Keep } from "./scene.ts";

/** `failed` puts what failed first, `open` hides what is done, `problems` all that has not failed and does not wait in vain. */
export type Filter = "all" | "failed" | "open" | "problems";

/** What is kept of the whole for a filter; null for all. What is done later stays where it is. */
export function filtered(run: Run, filter: Filter, whole: Drawn): Keep | null {
  if (filter === "all") return null;
  if (filter === "problems") return (graph) => problems(run, graph);
  if (filter === "failed") return failedFirst(run, whole);
  const done = (graph: Drawn, node: number): boolean => hasValue(nodeStatus(run, graph.nodes[node]!));
  const hidden = new Set(whole.nodes.flatMap(({ key }, node) => (done(whole, node) ? [key] : [])));
  return (graph) => {
    const kept = new Set<number>();
    graph.nodes.forEach(({ key }, node) => {
      if (!hidden.has(key) || !done(graph, node)) kept.add(node);
    });
    return kept;
  };
}

/** All in the order of their urgency at this moment: connected parts are drawn in the order of their first node. */
function failedFirst(run: Run, whole: Drawn): Keep {
  const urgency = new Map(whole.nodes.map(({ key }, node) => [key, hasFailed(run, whole, node) ? 0 : URGENCY[nodeStatus(run, whole.nodes[node]!)]!]));
  const of = (graph: Drawn, node: number): number => urgency.get(graph.nodes[node]!.key) ?? URGENCY.length;
  return (graph) => [...graph.nodes.keys()].sort((a, b) => of(graph, a) - of(graph, b) || a - b);
}

/** One task or group with all that it waits for and all that waits for it. */
export function around(key: string): Keep {
  return (graph) => {
    const node = graph.of(key);
    return node === undefined ? new Set(graph.nodes.keys()) : kin(graph, node);
  };
}

/** Whether a task failed there, or somewhere inside. */
export function hasFailed(run: Run, graph: Drawn, node: number): boolean {
  const { group } = graph.nodes[node]!;
  return group < 0 ? nodeStatus(run, graph.nodes[node]!) === FAILED : run.groups[group]!.counts[FAILED]! > 0;
}

function problems(run: Run, graph: Drawn): Set<number> {
  const failed = [...graph.nodes.keys()].filter((node) => hasFailed(run, graph, node));
  const kept = new Set(failed);
  for (const node of reach(graph.sources, graph.targets, graph.nodes.length, failed)) {
    const status = nodeStatus(run, graph.nodes[node]!);
    if (status === SKIPPED || status === CANCELLED) kept.add(node);
  }
  return kept;
}
