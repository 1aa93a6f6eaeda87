// Task statuses as small numbers, in the order in which people read them.
import type { ExecutionStatus, TaskStatus } from "../protocol/messages.gen.ts";

export const STATUSES = [
  "succeeded",
  "cached",
  "running",
  "retrying",
  "failed",
  "cancelled",
  "skipped",
  "pending",
] as const satisfies readonly TaskStatus[];

export const SUCCEEDED = 0;
export const CACHED = 1;
export const RUNNING = 2;
export const RETRYING = 3;
export const FAILED = 4;
export const CANCELLED = 5;
export const SKIPPED = 6;
export const PENDING = 7;

/** By status: what failed first, then what runs, then what will not or does not yet, then what is done. */
export const URGENCY: readonly number[] = [6, 7, 1, 2, 0, 3, 4, 5];

const NUMBERS = new Map<string, number>(STATUSES.map((status, number) => [status, number]));

/** The number of a status; one from a newer server counts as pending. */
export function statusNumber(status: string): number {
  return NUMBERS.get(status) ?? PENDING;
}

/** The name of a status number. */
export function statusName(status: number): TaskStatus {
  return STATUSES[status] ?? "pending";
}

/** Whether only a retry can still move the task. */
export function isFinal(status: number): boolean {
  return status !== PENDING && status !== RUNNING && status !== RETRYING;
}

/** Whether downstream tasks can read a result. */
export function hasValue(status: number): boolean {
  return status === SUCCEEDED || status === CACHED;
}

/** Whether only a retry can still move the execution. */
export function isFinalExecution(status: ExecutionStatus): boolean {
  return status === "succeeded" || status === "failed" || status === "cancelled";
}

/** One status for many tasks: the worst once all are final, else running as soon as one has begun. */
export function summary(counts: ArrayLike<number>): number {
  const open = (counts[PENDING] ?? 0) + (counts[RUNNING] ?? 0) + (counts[RETRYING] ?? 0);
  const final = [FAILED, CANCELLED, SUCCEEDED, CACHED, SKIPPED].filter((status) => (counts[status] ?? 0) > 0);
  if (open === 0) return final[0] ?? PENDING;
  if (final.length === 0 && counts[PENDING] === open) return PENDING;
  return RUNNING;
}
