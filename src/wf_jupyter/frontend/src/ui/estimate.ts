// When what is not finished may end: a walk along the dependencies with what history and rates tell.
// What nothing is known about stays unknown, and so does everything that waits for it.
import type { Attempts } from "../fold/attempts.ts";
import type { Work } from "../fold/critical.ts";
import { secondsLeft, type History, type Pace } from "../fold/history.ts";
import type { Run } from "../fold/run.ts";
import { FAILED, isFinal, isFinalExecution, PENDING, RETRYING, RUNNING, SUCCEEDED } from "../fold/statuses.ts";
import type { Drawn, DrawnNode } from "../layout/visible-graph.ts";
import { membersOf } from "../draw/group.ts";
import { clock } from "../draw/format.ts";

const PACES: readonly Pace[] = ["p10", "p50", "p90"];
/** Items of a map that must have ended before its rate means something. */
const RATED = 5;

/** The nodes of a drawing in time. `known` has NaN for what has not begun or ended, `expected` estimates where there are any. */
export interface Plan {
  readonly known: readonly Work[];
  readonly expected: readonly Work[];
  /** Milliseconds until the run ends: fast, usual, slow; null when something of it is unknown. */
  readonly left: readonly [number, number, number] | null;
}

/** Where every node of the drawing stands at `now`, and how it may go on. */
export function plan(run: Run, drawing: Drawn, attempts: Attempts, history: History, now: number): Plan {
  const needs: number[][] = drawing.nodes.map(() => []);
  drawing.targets.forEach((target, edge) => needs[target]!.push(drawing.sources[edge]!));
  const known = drawing.nodes.map((node, index) => ({ ...times(run, node, attempts), needs: needs[index]! }));
  if (isFinalExecution(run.status)) return { known, expected: known, left: null };
  const order = sorted(needs);
  const [fast, usual, slow] = PACES.map((pace) => expect(run, drawing.nodes, known, order, history, now, pace)) as [Work[], Work[], Work[]];
  const last = (works: readonly Work[]): number => works.reduce((most, { end }) => Math.max(most, end - now || 0), 0);
  const complete = usual.every((work, index) => Number.isFinite(work.end) || isOver(run, drawing.nodes[index]!));
  const left = [last(fast), last(usual), last(slow)] as const;
  return { known, expected: usual, left: complete && left[1] > 0 ? left : null };
}

/** When a node began and ended; NaN for what has not happened. */
function times(run: Run, node: DrawnNode, attempts: Attempts): { begin: number; end: number } {
  const { tasks } = run;
  const rows = node.group < 0 ? [node.row] : membersOf(run, node.group);
  let begin = Number.POSITIVE_INFINITY;
  let end = Number.NEGATIVE_INFINITY;
  let open = rows.length === 0;
  for (const row of rows) {
    const started = attempts.of(tasks.keys[row]!)[0]?.started ?? tasks.started[row]!;
    const first = Number.isNaN(started) && isFinal(tasks.status[row]!) && tasks.status[row]! < RUNNING ? tasks.ended[row]! : started;
    if (first < begin) begin = first;
    if (!isFinal(tasks.status[row]!)) open = true;
    else if (!Number.isNaN(first) && tasks.ended[row]! > end) end = tasks.ended[row]!;
  }
  return { begin: Number.isFinite(begin) ? begin : Number.NaN, end: open || !Number.isFinite(end) ? Number.NaN : end };
}

function isOver(run: Run, node: DrawnNode): boolean {
  if (node.group < 0) return isFinal(run.tasks.status[node.row]!);
  const { counts, kind, size } = run.groups[node.group]!;
  if (counts[PENDING]! + counts[RUNNING]! + counts[RETRYING]! > 0) return false;
  if (kind === "map") return size !== null || membersOf(run, node.group).length > 0;
  return membersOf(run, node.group).length > 0 && !hasUnknown(run, node.group);
}

/** Whether a map somewhere in the sub-workflow has no items yet. */
function hasUnknown(run: Run, index: number): boolean {
  return run.groups.some((group, other) => {
    if (group.kind !== "map" || group.size !== null || membersOf(run, other).length > 0) return false;
    for (let up = group.parent; up >= 0; up = run.groups[up]!.parent) if (up === index) return true;
    return false;
  });
}

function expect(run: Run, nodes: readonly DrawnNode[], known: readonly Work[], order: readonly number[], history: History, now: number, pace: Pace): Work[] {
  const works = [...known];
  for (const index of order) {
    const node = nodes[index]!;
    const work = known[index]!;
    if (isOver(run, node)) continue;
    let ready = now;
    for (const need of work.needs) {
      if (!isOver(run, nodes[need]!)) ready = Math.max(ready, works[need]!.end); // NaN stays NaN
    }
    const status = node.group < 0 ? run.tasks.status[node.row]! : PENDING;
    if (node.group < 0 && status === RETRYING) ready = Math.max(now, run.tasks.retryAt[node.row]!);
    const lasts = node.group < 0 ? taskLeft(run, node.row, now, history, pace) : groupLeft(run, node.group, work.begin, now, history, pace);
    const started = Number.isNaN(work.begin) ? ready : work.begin;
    const from = status === RUNNING || (node.group >= 0 && !Number.isNaN(work.begin)) ? now : ready;
    const end = lasts === null ? Number.NaN : from + lasts * 1000;
    works[index] = { begin: Number.isNaN(end) && Number.isNaN(work.begin) ? Number.NaN : started, end, needs: work.needs };
  }
  return works;
}

function taskLeft(run: Run, row: number, now: number, history: History, pace: Pace): number | null {
  if (run.tasks.status[row] === RUNNING) return secondsLeft(run, row, now, history, pace);
  return history.of(run.tasks.names[row]!)?.[pace] ?? null;
}

/** By the rate of the items that have ended; before that by history: of the whole, or of one item and by how many run at once. */
function groupLeft(run: Run, index: number, begin: number, now: number, history: History, pace: Pace): number | null {
  const { counts, kind, name, size } = run.groups[index]!;
  const open = counts[PENDING]! + counts[RUNNING]! + counts[RETRYING]!;
  const done = counts[SUCCEEDED]! + counts[FAILED]!;
  const whole = history.whole(name, size, pace);
  const begun = !Number.isNaN(begin);
  if (kind === "map" && begun && size !== null && done >= RATED && now > begin) {
    const spread = pace === "p50" ? 0 : (pace === "p10" ? -1 : 1) / Math.sqrt(done);
    return (open / (done / ((now - begin) / 1000))) * (1 + spread);
  }
  if (whole !== null) return begun ? Math.max(0, whole - (now - begin) / 1000) : whole;
  if (kind !== "map" || !begun || size === null || counts[RUNNING] === 0) return null;
  const rows = membersOf(run, index);
  const usual = rows.length > 0 ? history.of(run.tasks.names[rows[0]!]!) : null;
  return usual === null ? null : Math.ceil(open / counts[RUNNING]!) * usual[pace];
}

/** Indices in an order in which everything comes after what it needs; what is in a cycle is left out. */
function sorted(needs: readonly (readonly number[])[]): number[] {
  const waits = needs.map((list) => list.length);
  const after: number[][] = needs.map(() => []);
  needs.forEach((list, index) => list.forEach((need) => after[need]!.push(index)));
  const order = [...waits.keys()].filter((index) => waits[index] === 0);
  for (let i = 0; i < order.length; i++) {
    for (const next of after[order[i]!]!) if (--waits[next]! === 0) order.push(next);
  }
  return order;
}

/** `about 0:31 left` and from what that is known; nothing while something is unknown. */
export function leftWords({ left }: Plan, history: History): readonly [string, string] {
  if (left === null) return ["", ""];
  const [fast, usual, slow] = left.map((ms) => clock(ms / 1000)) as [string, string, string];
  const spread = fast === slow ? "" : `between ${fast} and ${slow}, `;
  const from = history.executions > 0 ? `from ${history.executions} earlier ${history.executions === 1 ? "execution" : "executions"}` : "from the rate so far";
  return [`about ${usual} left`, `${spread}${from}`];
}
