// A run as a `Snapshot` again: what the golden vectors compare, and what a page can keep.
import type { GroupSnapshot, Snapshot, TaskSnapshot } from "../protocol/messages.gen.ts";
import type { Group } from "./group.ts";
import type { Run } from "./run.ts";
import { STATUSES, statusName } from "./statuses.ts";
import { formatTime } from "./times.ts";

/** The snapshot of `run`, in the form that Python writes: tasks and groups without their defaults. */
export function picture(run: Run, taskOf: (run: Run, row: number) => TaskSnapshot = task): Snapshot {
  const tasks: TaskSnapshot[] = [];
  for (let row = 0; row < run.tasks.length; row++) if (!run.tasks.removed[row]) tasks.push(taskOf(run, row));
  return {
    id: run.id,
    workflow: run.workflow,
    status: run.status,
    epoch: run.epoch,
    seq: run.seq,
    created: formatTime(run.created) ?? "",
    counts: Object.fromEntries(STATUSES.map((status, number) => [status, run.counts[number]!])),
    inputs: run.inputs,
    started: formatTime(run.started),
    ended: formatTime(run.ended),
    duration: run.duration,
    result: run.result,
    failed: run.failed,
    parked: run.parked,
    groups: run.groups.filter(({ loop }) => loop === null).map(group),
    tasks,
  };
}

/** One task of a snapshot. */
export function task(run: Run, row: number): TaskSnapshot {
  const t = run.tasks;
  const done = t.done[row]!;
  const progress = Number.isNaN(done)
    ? null
    : without({ done, total: number(t.total[row]!), text: t.texts.get(row) ?? null });
  return without({
    key: t.keys[row]!,
    name: t.names[row]!,
    status: statusName(t.status[row]!),
    group: t.groupKeys[row] ?? null,
    dependencies: t.dependencies[row]!,
    attempts: t.attempts[row]!,
    worker: t.workers[row]!,
    started: formatTime(t.started[row]!),
    ended: formatTime(t.ended[row]!),
    duration: number(t.duration[row]!),
    progress,
    error: t.errors.get(row) ?? null,
    reason: t.reasons.get(row) ?? null,
    result: t.results.get(row) ?? null,
    retry_at: formatTime(t.retryAt[row]!),
    logged: t.logged[row]!,
    displayed: t.displayed[row]!,
    cancelling: t.cancelling[row] === 1,
  });
}

function group(g: Group): GroupSnapshot {
  const { key, name, kind, size, dependencies } = g;
  return without({ key, name, kind, size, group: g.groupKey, dependencies });
}

function number(value: number): number | null {
  return Number.isNaN(value) ? null : value;
}

/** The object without optional fields that have their default: null, "", 0 (except sizes), false and []. */
function without<T extends object>(fields: T): T {
  const kept = Object.entries(fields).filter(([name, value]) => {
    if (name === "size" || name === "duration" || name === "done" || name === "total") return value !== null;
    return value !== null && value !== "" && value !== 0 && value !== false && !(Array.isArray(value) && value.length === 0);
  });
  return Object.fromEntries(kept) as T;
}
