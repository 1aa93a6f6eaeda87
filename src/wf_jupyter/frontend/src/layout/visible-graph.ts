// What is drawn of a run: tasks of one scope, with mapped tasks and sub-workflows as one node each.
import type { Run } from "../fold/run.ts";

/** A node of the drawing: a task (`row`) or a group (`group`), the other being -1. */
export interface DrawnNode {
  readonly key: string;
  readonly row: number;
  readonly group: number;
}

/** The nodes of one scope in order of declaration, and edges between them as pairs of indices, each once. */
export interface Drawn {
  readonly nodes: readonly DrawnNode[];
  readonly sources: readonly number[];
  readonly targets: readonly number[];
  /** Index of the node that stands for a task or a group, by key. */
  readonly of: (key: string) => number | undefined;
}

/** The drawing of the scope with index `scope` (-1: the whole); nodes drawn `before` keep their order. */
export function drawn(run: Run, scope = -1, before: readonly DrawnNode[] = []): Drawn {
  const { tasks, groups } = run;
  const nodes = declared(run, scope, before);
  const nodeOfGroup = new Map<number, number>();
  const nodeOfRow = new Map<number, number>();
  const outer = (group: number): number => {
    let g = group;
    while (g >= 0 && groups[g]!.parent !== scope) g = groups[g]!.parent;
    return g;
  };
  nodes.forEach(({ row, group }, index) => {
    if (group >= 0) nodeOfGroup.set(group, index);
    else nodeOfRow.set(row, index);
  });
  const nodeAt = (home: number, row: number): number | undefined =>
    home === scope ? nodeOfRow.get(row) : nodeOfGroup.get(outer(home));
  const of = (key: string): number | undefined => {
    const group = run.groupRows.get(key);
    if (group !== undefined && group !== scope) return nodeOfGroup.get(outer(group));
    const row = run.rows.get(key);
    return row === undefined ? undefined : nodeAt(tasks.home[row]!, row);
  };
  const edges = new Edges();
  for (let row = 0; row < tasks.length; row++) {
    const target = tasks.removed[row] ? undefined : nodeAt(tasks.home[row]!, row);
    if (target !== undefined) for (const key of tasks.dependencies[row]!) edges.add(of(key), target, nodes.length);
  }
  groups.forEach((group, index) => {
    const target = nodeOfGroup.get(outer(index));
    if (target !== undefined) for (const key of group.dependencies) edges.add(of(key), target, nodes.length);
  });
  return { nodes, sources: edges.sources, targets: edges.targets, of };
}

/** Tasks, then groups directly in the scope, as declared; what was drawn `before` keeps its place. */
function declared(run: Run, scope: number, before: readonly DrawnNode[]): DrawnNode[] {
  const { tasks, groups } = run;
  const found = new Map<string, DrawnNode>();
  for (let row = 0; row < tasks.length; row++) {
    const key = tasks.keys[row]!;
    if (!tasks.removed[row] && tasks.home[row] === scope) found.set(key, { key, row, group: -1 });
  }
  groups.forEach(({ key, parent }, group) => {
    if (parent === scope) found.set(key, { key, row: -1, group });
  });
  const kept: DrawnNode[] = [];
  for (const { key } of before) {
    const node = found.get(key);
    if (node !== undefined) kept.push(node);
    found.delete(key);
  }
  return [...kept, ...found.values()];
}

class Edges {
  readonly sources: number[] = [];
  readonly targets: number[] = [];
  readonly #seen = new Set<number>();

  add(source: number | undefined, target: number, n: number): void {
    if (source === undefined || source === target) return;
    const name = source * n + target;
    if (this.#seen.has(name)) return;
    this.#seen.add(name);
    this.sources.push(source);
    this.targets.push(target);
  }
}
