// Generated from protocol/schema.json by scripts/types.mjs: do not edit.

export type Event = WorkflowStarted | TasksAdded | TaskStarted | TaskProgress | TaskLog | TaskOutput | TaskRetrying | TaskRequeued | TaskCancelling | TaskCompleted | WorkflowPaused | WorkflowResumed | WorkflowCancelling | WorkflowRetried | WorkflowInterrupted | WorkflowRecovered | WorkflowCompleted;

/**
 * Where one execution stands.
 */
export type ExecutionStatus = "cancelled" | "cancelling" | "failed" | "interrupted" | "paused" | "pending" | "running" | "succeeded";

/**
 * Reason why an attempt did not succeed, as text.
 *
 * `kind` is who is to blame: `raised` (the task's own exception), `timeout`, `cancelled`,
 * `worker_lost` (crash, `os._exit`, killed), `upstream` (a task of the graph that it returned),
 * `value` (an input or result that cannot be encoded, decoded or is too large) or `definition` (a map
 * over something that is no list).
 * `retriable` is False when `retry_on` does not name the exception.
 */
export interface Failure {
  readonly kind: "cancelled" | "definition" | "raised" | "timeout" | "upstream" | "value" | "worker_lost";
  readonly message: string;
  readonly retriable?: boolean;
  readonly traceback?: string;
  readonly type: string;
}

/**
 * A mapped task or a sub-workflow as a whole; `size` is None until the number of items is known.
 *
 * A group that could not be expanded (its upstream failed, or gave no list) gets one task with the
 * group's own key, which carries the reason.
 */
export interface GroupInfo {
  readonly dependencies?: readonly string[];
  readonly group?: string | null;
  readonly key: string;
  readonly kind: "map" | "workflow";
  readonly name: string;
  readonly size?: number | null;
}

/**
 * A mapped task or sub-workflow as a whole; `size` is None until known.
 */
export interface GroupSnapshot {
  readonly dependencies?: readonly string[];
  readonly group?: string | null;
  readonly key: string;
  readonly kind: "map" | "workflow";
  readonly name: string;
  readonly size?: number | null;
}

/**
 * Reason why an execution that has not ended does not move: a fact about its orchestrator, not in its log unless
 * that says that it was interrupted.
 *
 * `waiting`: it goes on by itself as soon as the cause has passed. `stopped`: it goes on when somebody
 * resumes it. `unreadable`: what is stored of it cannot be read. The next event says that it has passed.
 */
export interface Parked {
  readonly kind: "stopped" | "unreadable" | "waiting";
  readonly reason: string;
  readonly since: string;
}

/**
 * Progress of a task.
 */
export interface Progress {
  readonly done: number;
  readonly text?: string | null;
  readonly total?: number | null;
}

/**
 * Reason why a task was skipped, or stopped because another one failed.
 *
 * `kind` is `not_taken` (the condition of `wf.when` or `wf.unless` was not met), `not_needed`
 * (`trigger_rule="one_failed"`, and nothing failed), `upstream_failed`, `upstream_cancelled`,
 * `upstream_skipped` (only where a log does not say more) or `fail_fast`. `task` is the key of the task
 * that caused it, however far upstream. `message` says it whole, as in `not taken: is_big was truthy`.
 * `via` names the task in between that was skipped for the same reason, if there is one.
 */
export interface Reason {
  readonly kind: "fail_fast" | "not_needed" | "not_taken" | "upstream_cancelled" | "upstream_failed" | "upstream_skipped";
  readonly message: string;
  readonly task: string;
  readonly via?: string;
}

/**
 * A result as people see it: class name, bounded text, size in bytes, and data facts.
 *
 * `length` is `len()` where that means something, `shape` a tuple of sizes for arrays and frames.
 */
export interface ResultInfo {
  readonly html?: string | null;
  readonly length?: number | null;
  readonly shape?: readonly number[] | null;
  readonly size?: number;
  readonly text?: string;
  readonly type: string;
}

/**
 * A whole execution at `seq`. `counts` has every task status as a key; times are UTC.
 */
export interface Snapshot {
  readonly counts: { readonly [key: string]: number };
  readonly created: string;
  readonly duration?: number | null;
  readonly ended?: string | null;
  readonly epoch: string;
  readonly failed?: readonly string[];
  readonly groups?: readonly GroupSnapshot[];
  readonly id: string;
  readonly inputs?: { readonly [key: string]: string };
  readonly parked?: Parked | null;
  readonly result?: ResultInfo | null;
  readonly seq: number;
  readonly started?: string | null;
  readonly status: ExecutionStatus;
  readonly tasks?: readonly TaskSnapshot[];
  readonly workflow: string;
}

/**
 * One line of a list of executions. `inputs` are the first few, each in a few words.
 */
export interface Summary {
  readonly counts?: { readonly [key: string]: number };
  readonly created: string;
  readonly ended?: string | null;
  readonly id: string;
  readonly inputs?: { readonly [key: string]: string };
  readonly owner?: string;
  readonly parked?: Parked | null;
  readonly seq: number;
  readonly status: ExecutionStatus;
  readonly workflow: string;
}

/**
 * Somebody asked for a running attempt to be stopped; `task.completed` follows when it has.
 */
export interface TaskCancelling {
  readonly attempt: number;
  readonly seq: number;
  readonly task: string;
  readonly time: string;
  readonly type: "task.cancelling";
}

/**
 * A task reached a final status. `attempt` is how many were started; `duration` that of the last, in seconds.
 *
 * `started` is when the last attempt began to run, unless that was when it was handed to its worker.
 * `reason` is why it was skipped, or stopped because another one failed: that is no error of its own.
 * `lengths` gives the number of items of each part of the result that is mapped over, and
 * `truth` whether the result is truthy, when the graph asked for it.
 */
export interface TaskCompleted {
  readonly attempt: number;
  readonly duration?: number;
  readonly error?: Failure | null;
  readonly lengths?: { readonly [key: string]: number };
  readonly reason?: Reason | null;
  readonly result?: ResultInfo | null;
  readonly seq: number;
  readonly started?: string | null;
  readonly status: TaskStatus;
  readonly task: string;
  readonly time: string;
  readonly truth?: boolean | null;
  readonly type: "task.completed";
  readonly usage?: Usage | null;
}

/**
 * A task as it is added: `dependencies` are keys of tasks or of groups.
 */
export interface TaskInfo {
  readonly dependencies?: readonly string[];
  readonly group?: string | null;
  readonly key: string;
  readonly name: string;
}

/**
 * Text that a task printed or logged.
 */
export interface TaskLog {
  readonly attempt: number;
  readonly seq: number;
  readonly stream: string;
  readonly task: string;
  readonly text: string;
  readonly time: string;
  readonly type: "task.log";
}

/**
 * Something a task displayed: MIME type → content (text, or base64 for binary types).
 */
export interface TaskOutput {
  readonly attempt: number;
  readonly data: { readonly [key: string]: string };
  readonly seq: number;
  readonly task: string;
  readonly time: string;
  readonly type: "task.output";
}

/**
 * A running task reported how far it is; `total` is None when unknown.
 */
export interface TaskProgress {
  readonly done: number;
  readonly seq: number;
  readonly task: string;
  readonly text?: string | null;
  readonly time: string;
  readonly total?: number | null;
  readonly type: "task.progress";
}

/**
 * An attempt had not begun where it was handed to: it counts as not started, and the task waits for a place.
 */
export interface TaskRequeued {
  readonly attempt: number;
  readonly seq: number;
  readonly task: string;
  readonly time: string;
  readonly type: "task.requeued";
}

/**
 * An attempt failed and another follows after `delay` seconds. `started` as in `task.completed`.
 */
export interface TaskRetrying {
  readonly attempt: number;
  readonly delay: number;
  readonly error: Failure;
  readonly seq: number;
  readonly started?: string | null;
  readonly task: string;
  readonly time: string;
  readonly type: "task.retrying";
  readonly usage?: Usage | null;
}

/**
 * One task. `attempts` is how many were started; `started` and `ended` are those of the last.
 *
 * `cancelling` says that a running task was asked to stop. `duration` is in seconds, as the worker
 * measured it; None while there is none. `reason` is why it was skipped, or stopped because another one failed.
 */
export interface TaskSnapshot {
  readonly attempts: number;
  readonly cancelling?: boolean;
  readonly dependencies: readonly string[];
  readonly displayed?: number;
  readonly duration?: number | null;
  readonly ended?: string | null;
  readonly error?: Failure | null;
  readonly group: string | null;
  readonly key: string;
  readonly logged?: number;
  readonly name: string;
  readonly progress?: Progress | null;
  readonly reason?: Reason | null;
  readonly result?: ResultInfo | null;
  readonly retry_at?: string | null;
  readonly started?: string | null;
  readonly status: TaskStatus;
  readonly worker?: string;
}

/**
 * An attempt (from 1) was handed to a worker. That it began later is said by the event that ends it.
 */
export interface TaskStarted {
  readonly attempt: number;
  readonly seq: number;
  readonly task: string;
  readonly time: string;
  readonly type: "task.started";
  readonly worker?: string;
}

/**
 * Where one task stands.
 */
export type TaskStatus = "cached" | "cancelled" | "failed" | "pending" | "retrying" | "running" | "skipped" | "succeeded";

/**
 * The graph, and every later growth of it. A group that is already known gets its size.
 */
export interface TasksAdded {
  readonly groups?: readonly GroupInfo[];
  readonly seq: number;
  readonly tasks?: readonly TaskInfo[];
  readonly time: string;
  readonly type: "tasks.added";
}

/**
 * Usage of one attempt: seconds of the processor, and bytes of its process's memory at the peak.
 *
 * `memory` is None where several attempts share a process, and for those of a few milliseconds.
 */
export interface Usage {
  readonly cpu?: number;
  readonly memory?: number | null;
}

/**
 * Cancel was asked for; running tasks are being stopped.
 */
export interface WorkflowCancelling {
  readonly reason?: string;
  readonly seq: number;
  readonly time: string;
  readonly type: "workflow.cancelling";
}

/**
 * The execution reached a final status; `failed` names the tasks that failed, at most 100.
 */
export interface WorkflowCompleted {
  readonly duration?: number;
  readonly failed?: readonly string[];
  readonly failed_count?: number;
  readonly result?: ResultInfo | null;
  readonly seq: number;
  readonly status: ExecutionStatus;
  readonly time: string;
  readonly type: "workflow.completed";
}

/**
 * The orchestrator that ran the execution is gone; `reason` says why it does not go on by itself.
 */
export interface WorkflowInterrupted {
  readonly epoch?: string;
  readonly reason?: string;
  readonly seq: number;
  readonly time: string;
  readonly type: "workflow.interrupted";
}

/**
 * No new task starts until resumed; running ones end.
 */
export interface WorkflowPaused {
  readonly seq: number;
  readonly time: string;
  readonly type: "workflow.paused";
}

/**
 * An orchestrator took the execution over; the attempts of `tasks` were in flight and run again.
 */
export interface WorkflowRecovered {
  readonly epoch?: string;
  readonly seq: number;
  readonly tasks?: readonly string[];
  readonly time: string;
  readonly type: "workflow.recovered";
}

/**
 * Tasks start again.
 */
export interface WorkflowResumed {
  readonly seq: number;
  readonly time: string;
  readonly type: "workflow.resumed";
}

/**
 * `tasks` were reset to pending and run again.
 */
export interface WorkflowRetried {
  readonly epoch?: string;
  readonly seq: number;
  readonly tasks?: readonly string[];
  readonly time: string;
  readonly type: "workflow.retried";
}

/**
 * The execution exists: the first event of every one. `task_count` counts what is known so far.
 */
export interface WorkflowStarted {
  readonly epoch?: string;
  readonly inputs?: { readonly [key: string]: string };
  readonly seq: number;
  readonly task_count?: number;
  readonly time: string;
  readonly type: "workflow.started";
  readonly workflow: string;
}

/** Where the questions and commands of a page go. */
export const OPERATIONS = {
  cancel: { verb: "post", path: "executions/{execution_id}/cancel" },
  events: { verb: "get", path: "executions/{execution_id}/events" },
  history: { verb: "get", path: "executions/{execution_id}/history" },
  inputs: { verb: "get", path: "executions/{execution_id}/tasks/{key}/inputs" },
  log: { verb: "get", path: "executions/{execution_id}/tasks/{key}/log" },
  outputs: { verb: "get", path: "executions/{execution_id}/tasks/{key}/outputs" },
  pause: { verb: "post", path: "executions/{execution_id}/pause" },
  rerun: { verb: "post", path: "executions/{execution_id}/rerun" },
  resume: { verb: "post", path: "executions/{execution_id}/resume" },
  retry: { verb: "post", path: "executions/{execution_id}/retry" },
  search: { verb: "get", path: "executions/{execution_id}/tasks/{key}/search" },
  usage: { verb: "get", path: "executions/{execution_id}/usage" },
} as const;
