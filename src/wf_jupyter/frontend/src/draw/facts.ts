// What a card says about a task or a group, as plain values: the drawing only copies them.
import { secondsLeft } from "../fold/history.ts";
import type { Group } from "../fold/group.ts";
import type { Run } from "../fold/run.ts";
import { shortReason } from "../fold/reason.ts";
import {
  CACHED,
  CANCELLED,
  FAILED,
  hasValue,
  isFinal,
  PENDING,
  RETRYING,
  RUNNING,
  SKIPPED,
  STATUSES,
  statusName,
  SUCCEEDED,
  summary,
} from "../fold/statuses.ts";
import type { DrawnNode } from "../layout/visible-graph.ts";
import { count, duration, fact, headline, kindWord } from "./format.ts";

/** One card. `share` is the progress from 0 to 1, or null; `spoken` is the card as one sentence. */
export interface Facts {
  readonly name: string;
  readonly status: number;
  readonly detail: string;
  readonly time: string;
  readonly share: number | null;
  readonly spoken: string;
  /** Whether the texts change with time alone. */
  readonly ticking: boolean;
}

/** Facts of a task at `now` (server's ms). */
export function taskFacts(run: Run, row: number, now: number): Facts {
  const { tasks } = run;
  const status = tasks.status[row]!;
  const name = tasks.names[row]!;
  const share = status === RUNNING ? progressShare(run, row) : null;
  const detail = taskDetail(run, row, now, share);
  const time = taskTime(run, row);
  const said = tasks.errors.get(row);
  const spoken = [tasks.keys[row]!, statusName(status), said && status === FAILED ? headline(said) : detail, time];
  return {
    name: label(run, row),
    status,
    detail,
    time,
    share,
    spoken: spoken.filter((part, i) => part && part !== spoken[i - 1]).join(", ") || name,
    ticking: status === RUNNING || status === RETRYING,
  };
}

/** Facts of a group; its status sums up all tasks inside. */
export function groupFacts(group: Group): Facts {
  const status = groupStatus(group);
  const counted = STATUSES.map((name, i) => [group.counts[i]!, name] as const).filter(([n]) => n > 0);
  const words = counted.map(([n, name]) => `${count(n)} ${name}`).join(", ");
  const detail = words ? "" : group.size === 0 ? "no items" : "size not known yet";
  const size = group.loop !== null ? `${count(group.members.length)} ${group.loop === "chain" ? "in a row" : "calls"}` : group.kind === "map" ? (group.size === null ? "" : `${count(group.size)} items`) : "sub-workflow";
  const spoken = [group.key, size, statusName(status), words || detail].filter(Boolean).join(", ");
  return { name: group.name, status, detail, time: "", share: null, spoken, ticking: false };
}

/** The status of a drawn node. */
export function nodeStatus(run: Run, node: DrawnNode): number {
  return node.group >= 0 ? groupStatus(run.groups[node.group]!) : run.tasks.status[node.row]!;
}

/** The one status that stands for a group; a map over an empty list has succeeded. */
export function groupStatus(group: Group): number {
  return group.size === 0 && group.members.length === 0 ? SUCCEEDED : summary(group.counts);
}

/** How an edge is drawn: it waits, has delivered, feeds a task that runs, or is blocked by a failure. Later ones lie on top. */
export const EDGE_STATES = ["waiting", "delivered", "feeding", "blocked"] as const;

/** The state of an edge between two statuses, as an index of `EDGE_STATES`. */
export function edgeState(source: number, target: number): number {
  if (source === FAILED && (target === SKIPPED || target === CANCELLED)) return 3;
  // of a group, what some of its tasks gave is there while others run, or although others failed
  if (!hasValue(source) && (source === PENDING || source === SKIPPED || source === CANCELLED)) return 0;
  if (target === RUNNING || target === RETRYING) return 2;
  return hasValue(target) || target === FAILED || (hasValue(source) && target !== PENDING) ? 1 : 0;
}

/** How far a running task says it is, or null. */
export function progressShare(run: Run, row: number): number | null {
  const share = run.tasks.done[row]! / run.tasks.total[row]!;
  return Number.isFinite(share) ? Math.min(1, Math.max(0, share)) : null;
}

/** The short name of a task: without the scope, and for a mapped item its position. */
export function label(run: Run, row: number): string {
  const key = run.tasks.keys[row]!;
  const last = key.slice(key.lastIndexOf("/") + 1);
  return last || run.tasks.names[row]!;
}

function taskDetail(run: Run, row: number, now: number, share: number | null): string {
  const { tasks } = run;
  const error = tasks.errors.get(row);
  const reason = tasks.reasons.get(row);
  const attempts = tasks.attempts[row]!;
  switch (tasks.status[row]) {
    case SUCCEEDED:
      return fact(tasks.results.get(row)) || "done";
    case CACHED:
      return `cached${sep(fact(tasks.results.get(row)))}`;
    case FAILED:
      return `${error ? kindWord(error) : "failed"}${attempts > 1 ? ` · try ${attempts}` : ""}`;
    case SKIPPED:
      return reason ? shortReason(reason) : "skipped";
    case CANCELLED:
      return reason ? shortReason(reason) : "cancelled";
    case RETRYING: {
      const wait = (tasks.retryAt[row]! - now) / 1000;
      return `retry ${attempts}${wait > 0 ? ` in ${duration(wait)}` : " now"}`;
    }
    case RUNNING:
      return runningDetail(run, row, now, share);
    default:
      return waiting(run, row);
  }
}

function runningDetail(run: Run, row: number, now: number, share: number | null): string {
  const { tasks } = run;
  if (tasks.cancelling[row]) return "cancelling";
  const ran = (now - tasks.started[row]!) / 1000;
  const tries = tasks.attempts[row]! > 1 ? ` · try ${tasks.attempts[row]}` : "";
  const text = tasks.texts.get(row);
  const seconds = secondsLeft(run, row, now, run.history);
  const left = seconds !== null && seconds > 0 && ran > 2 ? ` · ${duration(seconds)} left` : "";
  if (share === null) {
    const done = tasks.done[row]!;
    return `${Number.isNaN(done) || done === 0 ? duration(ran) : `${count(done)} done`}${unusual(run, row, now) || sep(text) || left}${tries}`;
  }
  return `${Math.round(share * 100)} %${unusual(run, row, now) || left || sep(text)}${tries}`;
}

function unusual(run: Run, row: number, now: number): string {
  return run.history.isUnusual(run, row, now) ? " · unusually long" : "";
}

function taskTime(run: Run, row: number): string {
  const status = run.tasks.status[row]!;
  const seconds = run.tasks.duration[row]!;
  // what was cancelled while it waited for another try has run for no time
  if (status === CANCELLED && seconds < 0.001) return "";
  return isFinal(status) && status !== CACHED && status !== FAILED ? duration(seconds) : "";
}

function waiting(run: Run, row: number): string {
  if (run.status === "paused") return "paused";
  let open = 0;
  for (const key of run.tasks.dependencies[row]!) {
    const other = run.rows.get(key);
    const group = run.groupRows.get(key);
    const status = group !== undefined ? groupStatus(run.groups[group]!) : other === undefined ? PENDING : run.tasks.status[other]!;
    if (!isFinal(status)) open++;
  }
  return open === 0 ? "waiting for a worker" : `waiting for ${open}`;
}

function sep(text: string | undefined): string {
  return text ? ` · ${text}` : "";
}
