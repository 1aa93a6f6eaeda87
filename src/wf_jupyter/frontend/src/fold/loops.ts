// Graphs from loops: many calls of one task, and long chains, as groups that only the view knows. They fold like maps.
import type { Columns } from "./columns.ts";
import type { Group, LoopKind } from "./group.ts";

/** So many calls of one task at one level, or so many tasks one after the other, are one card. */
export const MANY = 20;

/** What a run knows of how its tasks hang together. */
interface Structure {
  readonly tasks: Columns;
  readonly groups: readonly Group[];
  readonly rows: ReadonlyMap<string, number>;
  readonly groupRows: ReadonlyMap<string, number>;
}

/** Tasks that are drawn as one: `rows` in order of declaration, or along the chain. */
export interface Loop {
  readonly key: string;
  readonly name: string;
  readonly kind: LoopKind;
  /** Index of the group that they all lie in, or -1. */
  readonly home: number;
  readonly rows: readonly number[];
}

/** What folds in a run whose tasks know their homes. What is of one level or chain never closes a cycle when it is one. */
export function loops(run: Structure): Loop[] {
  const { tasks } = run;
  if (tasks.length < MANY) return [];
  const before: number[][] = [];
  const follows = new Uint32Array(tasks.length);
  for (let row = 0; row < tasks.length; row++) before.push(tasks.removed[row] ? [] : rowsBefore(run, row, follows));
  const isFree = (row: number): boolean => !tasks.removed[row] && !run.groupRows.has(tasks.keys[row]!) && !isItem(run, row);
  const folded = new Uint8Array(tasks.length);
  const found = chains(run, before, follows, isFree);
  for (const { rows } of found) for (const row of rows) folded[row] = 1;
  const level = levels(run, before);
  const calls = new Map<string, number[]>();
  for (let row = 0; row < tasks.length; row++) {
    if (folded[row] || !isFree(row)) continue;
    const name = `${tasks.home[row]} ${level[row]} ${tasks.names[row]}`;
    const rows = calls.get(name);
    if (rows === undefined) calls.set(name, [row]);
    else rows.push(row);
  }
  for (const rows of calls.values()) if (rows.length >= MANY) found.push({ ...named(run, rows[0]!), kind: "calls", rows });
  return unique(run, found);
}

/** Whether a task is an item of a map, which is one card as it is. */
function isItem(run: Structure, row: number): boolean {
  const home = run.tasks.home[row]!;
  return home >= 0 && run.groups[home]!.kind === "map";
}

/** Rows that a task waits for; -1 stands for groups, which are no single task. Counts, for each, what waits for it. */
function rowsBefore(run: Structure, row: number, follows: Uint32Array): number[] {
  const found: number[] = [];
  for (const key of run.tasks.dependencies[row]!) {
    const group = run.groupRows.get(key);
    const other = run.rows.get(key);
    if (group !== undefined) {
      found.push(-1 - group);
      for (const member of run.groups[group]!.members) follows[member]! += 2;
    } else if (other !== undefined) {
      found.push(other);
      follows[other]!++;
    }
  }
  return found;
}

/** The longest way from a beginning to each task, in steps. */
function levels(run: Structure, before: readonly (readonly number[])[]): Int32Array {
  const level = new Int32Array(before.length).fill(-1);
  const inner = run.groups.map(({ members }) => members);
  const open = new Uint8Array(before.length);
  for (let first = 0; first < before.length; first++) {
    const stack = [first];
    while (stack.length > 0) {
      const row = stack.at(-1)!;
      if (level[row]! >= 0) {
        stack.pop();
        continue;
      }
      const needed = before[row]!.flatMap((other) => (other >= 0 ? [other] : inner[-1 - other]!));
      const waiting = open[row] ? [] : needed.filter((other) => level[other]! < 0 && !open[other]);
      open[row] = 1;
      if (waiting.length > 0) {
        for (const other of waiting) stack.push(other);
        continue;
      }
      level[row] = needed.reduce((most, other) => Math.max(most, level[other]! + 1), 0);
      stack.pop();
    }
  }
  return level;
}

/** Tasks of which each waits for the one before alone, and is waited for by the next alone. */
function chains(run: Structure, before: readonly (readonly number[])[], follows: Uint32Array, isFree: (row: number) => boolean): Loop[] {
  const { tasks } = run;
  const next = new Map<number, number>();
  const inside = new Set<number>();
  for (const { dependencies } of run.groups) {
    for (const key of dependencies) {
      const row = run.rows.get(key);
      if (row !== undefined) follows[row]! += 2;
    }
  }
  before.forEach((needed, row) => {
    const [only] = needed;
    if (only === undefined || only < 0 || needed.length !== 1 || follows[only] !== 1) return;
    if (tasks.home[only] !== tasks.home[row] || !isFree(row) || !isFree(only)) return;
    next.set(only, row);
    inside.add(row);
  });
  const found: Loop[] = [];
  for (const start of next.keys()) {
    if (inside.has(start)) continue;
    const rows = [start];
    for (let row = next.get(start); row !== undefined; row = next.get(row)) rows.push(row);
    if (rows.length >= MANY) found.push({ ...named(run, start), kind: "chain", rows });
  }
  return found;
}

function named(run: Structure, row: number): Pick<Loop, "key" | "name" | "home"> {
  const { tasks, groups } = run;
  const name = tasks.names[row]!;
  const home = tasks.home[row]!;
  return { key: `${home < 0 ? "" : `${groups[home]!.key}/`}${name} …`, name, home };
}

/** Each with a key that no task, group or other loop has; the same for as long as nothing before it folds. */
function unique(run: Structure, found: readonly Loop[]): Loop[] {
  const taken = new Set<string>();
  return found.map((loop) => {
    let { key } = loop;
    for (let i = 2; taken.has(key) || run.rows.has(key) || run.groupRows.has(key); i++) key = `${loop.key} ${i}`;
    taken.add(key);
    return { ...loop, key };
  });
}
