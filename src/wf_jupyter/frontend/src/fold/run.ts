// The picture of one execution: the fold of its events, the twin of Python's `engine.fold`.
import type { Incoming } from "../protocol/decode.ts";
import type {
  ExecutionStatus,
  GroupInfo,
  GroupSnapshot,
  Parked,
  ResultInfo,
  Snapshot,
  TaskInfo,
  TaskSnapshot,
  TasksAdded,
} from "../protocol/messages.gen.ts";
import { Columns } from "./columns.ts";
import type { Group } from "./group.ts";
import { History } from "./history.ts";
import { loops } from "./loops.ts";
import { errorOf, reasonOf } from "./reason.ts";
import { PENDING, RETRYING, RUNNING, STATUSES, statusNumber } from "./statuses.ts";
import { parseTime } from "./times.ts";

/** What changed since the last look: rows, groups, and whether tasks or groups came or went. */
export interface Changes {
  readonly tasks: ReadonlySet<number>;
  readonly groups: ReadonlySet<number>;
  readonly structure: boolean;
}

/** The state of one execution at `seq`. Every event costs O(1), plus the depth of its group. */
export class Run {
  id = "";
  workflow = "";
  status: ExecutionStatus = "pending";
  epoch = "";
  seq = 0;
  created = Number.NaN;
  started = Number.NaN;
  ended = Number.NaN;
  duration: number | null = null;
  inputs: Readonly<Record<string, string>> = {};
  result: ResultInfo | null = null;
  failed: readonly string[] = [];
  /** Why it does not move although it has not ended; the next event says that this has passed. */
  parked: Parked | null = null;
  tasks = new Columns();
  groups: Group[] = [];
  rows = new Map<string, number>();
  groupRows = new Map<string, number>();
  readonly counts = new Uint32Array(STATUSES.length);
  /** What is known of earlier executions of the workflow. */
  history = new History();
  /** Events of types that this view does not know. */
  unknown = 0;
  #tasks = new Set<number>();
  #groups = new Set<number>();
  #structure = true;

  /** Take what changed since the last call. */
  changes(): Changes {
    const taken = { tasks: this.#tasks, groups: this.#groups, structure: this.#structure };
    this.#tasks = new Set();
    this.#groups = new Set();
    this.#structure = false;
    return taken;
  }

  /** Replace everything by a snapshot. */
  load(snapshot: Snapshot): void {
    this.id = snapshot.id;
    this.workflow = snapshot.workflow;
    this.status = snapshot.status;
    this.epoch = snapshot.epoch;
    this.seq = snapshot.seq;
    this.created = parseTime(snapshot.created);
    this.started = parseTime(snapshot.started);
    this.ended = parseTime(snapshot.ended);
    this.duration = snapshot.duration ?? null;
    this.inputs = snapshot.inputs ?? {};
    this.result = snapshot.result ?? null;
    this.failed = snapshot.failed ?? [];
    this.parked = snapshot.parked ?? null;
    this.tasks = new Columns();
    this.groups = [];
    this.rows.clear();
    this.groupRows.clear();
    this.counts.fill(0);
    for (const group of snapshot.groups ?? []) this.#addGroup(group);
    for (const task of snapshot.tasks ?? []) this.#restore(task);
    this.#settle();
  }

  /** Advance by one event. One for an unknown task, or of an unknown type, advances only `seq`. */
  apply(event: Incoming): void {
    this.seq = event.seq;
    if ("epoch" in event && event.epoch) this.epoch = event.epoch;
    this.parked = null;
    switch (event.type) {
      case "unknown":
        this.unknown++;
        break;
      case "workflow.started":
        this.workflow = event.workflow;
        this.inputs = event.inputs ?? {};
        this.started = parseTime(event.time);
        this.status = "running";
        break;
      case "tasks.added":
        this.#grow(event);
        break;
      case "workflow.paused":
        this.status = "paused";
        break;
      case "workflow.resumed":
        this.status = "running";
        break;
      case "workflow.cancelling":
        this.status = "cancelling";
        break;
      case "workflow.interrupted":
        this.status = "interrupted";
        if (event.reason) this.parked = { kind: "stopped", reason: event.reason, since: event.time };
        break;
      case "workflow.retried":
        this.status = "running";
        this.ended = Number.NaN;
        this.duration = this.result = null;
        this.failed = [];
        this.#reset(event.tasks ?? []);
        break;
      case "workflow.recovered":
        if (this.status === "interrupted") this.status = "running";
        this.#reset(event.tasks ?? []);
        break;
      case "workflow.completed":
        this.status = event.status;
        this.ended = parseTime(event.time);
        this.duration = event.duration ?? 0;
        this.result = event.result ?? null;
        this.failed = event.failed ?? [];
        break;
      default: {
        const row = this.rows.get(event.task);
        if (row !== undefined) this.#applyTask(row, event);
      }
    }
  }

  #applyTask(row: number, event: Extract<Incoming, { task: string }>): void {
    const tasks = this.tasks;
    switch (event.type) {
      case "task.started":
        this.#move(row, RUNNING);
        tasks.attempts[row] = event.attempt;
        tasks.workers[row] = event.worker ?? "";
        tasks.started[row] = parseTime(event.time);
        tasks.ended[row] = tasks.duration[row] = tasks.retryAt[row] = Number.NaN;
        this.#clearProgress(row);
        break;
      case "task.progress":
        tasks.done[row] = event.done;
        tasks.total[row] = event.total ?? Number.NaN;
        if (event.text) tasks.texts.set(row, event.text);
        else tasks.texts.delete(row);
        break;
      case "task.log":
        tasks.logged[row]!++;
        break;
      case "task.output":
        tasks.displayed[row]!++;
        break;
      case "task.retrying":
        this.#move(row, RETRYING);
        tasks.errors.set(row, event.error);
        if (event.started) tasks.started[row] = parseTime(event.started);
        tasks.ended[row] = parseTime(event.time);
        tasks.retryAt[row] = tasks.ended[row]! + event.delay * 1000;
        break;
      case "task.requeued":
        this.#move(row, PENDING);
        tasks.attempts[row] = event.attempt - 1;
        tasks.workers[row] = "";
        tasks.started[row] = Number.NaN;
        break;
      case "task.cancelling":
        tasks.cancelling[row] = 1;
        break;
      case "task.completed":
        this.#move(row, statusNumber(event.status));
        tasks.attempts[row] = event.attempt;
        put(tasks.errors, row, errorOf(event));
        put(tasks.reasons, row, reasonOf(event));
        put(tasks.results, row, event.result);
        if (event.started) tasks.started[row] = parseTime(event.started);
        tasks.ended[row] = parseTime(event.time);
        tasks.retryAt[row] = Number.NaN;
        tasks.duration[row] = event.attempt ? (event.duration ?? 0) : Number.NaN;
        break;
    }
    this.#touch(row);
  }

  #grow(event: TasksAdded): void {
    this.#unfold();
    for (const group of event.groups ?? []) {
      const known = this.groupRows.get(group.key);
      if (known === undefined) this.#addGroup(group);
      else {
        this.groups[known]!.size = group.size ?? null;
        this.#groups.add(known);
      }
    }
    for (const task of event.tasks ?? []) if (!this.rows.has(task.key)) this.#addTask(task, PENDING);
    this.#settle();
  }

  #addGroup(info: GroupInfo | GroupSnapshot): void {
    if (this.groupRows.has(info.key)) return;
    this.groupRows.set(info.key, this.groups.length);
    this.groups.push({
      key: info.key,
      name: info.name,
      kind: info.kind === "map" ? "map" : "workflow",
      loop: null,
      groupKey: info.group ?? null,
      dependencies: info.dependencies ?? [],
      size: info.size ?? null,
      parent: -1,
      members: [],
      counts: new Uint32Array(STATUSES.length),
    });
  }

  #addTask(info: TaskInfo, status: number): number {
    const row = this.tasks.add(info.key, info.name, info.group ?? null, info.dependencies ?? [], status);
    this.rows.set(info.key, row);
    this.counts[status]!++;
    return row;
  }

  #restore(task: TaskSnapshot): void {
    if (this.rows.has(task.key)) return;
    const row = this.#addTask(task, statusNumber(task.status));
    const tasks = this.tasks;
    tasks.attempts[row] = task.attempts ?? 0;
    tasks.logged[row] = task.logged ?? 0;
    tasks.displayed[row] = task.displayed ?? 0;
    tasks.cancelling[row] = task.cancelling ? 1 : 0;
    tasks.workers[row] = task.worker ?? "";
    tasks.started[row] = parseTime(task.started);
    tasks.ended[row] = parseTime(task.ended);
    tasks.retryAt[row] = parseTime(task.retry_at);
    tasks.duration[row] = task.duration ?? Number.NaN;
    tasks.done[row] = task.progress?.done ?? Number.NaN;
    tasks.total[row] = task.progress?.total ?? Number.NaN;
    if (task.progress?.text) tasks.texts.set(row, task.progress.text);
    put(tasks.errors, row, errorOf(task));
    put(tasks.reasons, row, reasonOf(task));
    put(tasks.results, row, task.result);
  }

  #reset(keys: readonly string[]): void {
    const { tasks } = this;
    const before = this.rows.size;
    for (const key of keys) {
      const row = this.rows.get(key);
      if (row === undefined) continue;
      if (tasks.groupKeys[row] === key) {
        // It stood for a mapped task that could not be expanded, which now has another chance.
        this.rows.delete(key);
        tasks.removed[row] = 1;
        this.counts[tasks.status[row]!]!--;
        continue;
      }
      this.#move(row, PENDING);
      tasks.errors.delete(row);
      tasks.reasons.delete(row);
      tasks.results.delete(row);
      tasks.started[row] = tasks.ended[row] = tasks.duration[row] = tasks.retryAt[row] = Number.NaN;
      this.#clearProgress(row);
      this.#touch(row);
    }
    if (this.rows.size === before) return;
    this.#unfold();
    this.#settle();
  }

  #clearProgress(row: number): void {
    this.tasks.done[row] = this.tasks.total[row] = Number.NaN;
    this.tasks.texts.delete(row);
  }

  #move(row: number, status: number): void {
    const before = this.tasks.status[row]!;
    this.tasks.status[row] = status;
    this.tasks.cancelling[row] = 0;
    this.counts[before]!--;
    this.counts[status]!++;
    for (let g = this.tasks.home[row]!; g >= 0; g = this.groups[g]!.parent) {
      const counts = this.groups[g]!.counts;
      counts[before]!--;
      counts[status]!++;
    }
  }

  #touch(row: number): void {
    this.#tasks.add(row);
    for (let g = this.tasks.home[row]!; g >= 0; g = this.groups[g]!.parent) this.#groups.add(g);
  }

  /**
   * After the graph grew: find every task's group and every group's parent, and count again.
   * A task with the key of a group is drawn inside it: it is the stand-in of a map without items, or
   * the task whose result the group computes. Such a group lies where its task was declared.
   */
  #settle(): void {
    const { tasks, groups } = this;
    groups.forEach((group, index) => {
      group.members.length = 0;
      group.counts.fill(0);
      const holder = this.rows.get(group.key);
      const above = group.groupKey ?? (holder === undefined ? null : tasks.groupKeys[holder]!);
      group.parent = above === null || above === group.key ? -1 : (this.groupRows.get(above) ?? -1);
      this.#groups.add(index);
    });
    groups.forEach((_, index) => this.#cutCycle(index));
    for (let row = 0; row < tasks.length; row++) {
      if (tasks.removed[row]) continue;
      const own = this.groupRows.get(tasks.keys[row]!);
      const above = tasks.groupKeys[row]!;
      tasks.home[row] = own ?? (above === null ? -1 : (this.groupRows.get(above) ?? -1));
      if (tasks.home[row]! >= 0) groups[tasks.home[row]!]!.members.push(row);
    }
    this.#fold();
    for (let row = 0; row < tasks.length; row++) {
      if (tasks.removed[row]) continue;
      for (let g = tasks.home[row]!; g >= 0; g = groups[g]!.parent) groups[g]!.counts[tasks.status[row]!]!++;
    }
    this.#structure = true;
  }

  /** Loops become groups behind those of the execution, between their tasks and the group these were in. */
  #fold(): void {
    const { tasks, groups } = this;
    for (const { key, name, kind, home, rows } of loops(this)) {
      const index = groups.length;
      this.groupRows.set(key, index);
      this.#groups.add(index);
      const counts = new Uint32Array(STATUSES.length);
      groups.push({ key, name, kind: "map", loop: kind, groupKey: null, dependencies: [], size: rows.length, parent: home, members: [...rows], counts });
      for (const row of rows) tasks.home[row] = index;
    }
    // those that moved into loops are no members of what is around any more
    groups.forEach((group, index) => {
      if (group.loop !== null) return;
      const own = group.members.filter((row) => tasks.home[row] === index);
      if (own.length < group.members.length) group.members.splice(0, group.members.length, ...own);
    });
  }

  /** Take the loops away, so that groups of the execution follow each other. */
  #unfold(): void {
    while (this.groups.at(-1) !== undefined && this.groups.at(-1)!.loop !== null) this.groupRows.delete(this.groups.pop()!.key);
  }

  #cutCycle(start: number): void {
    for (let g = this.groups[start]!.parent, steps = 0; g >= 0; g = this.groups[g]!.parent) {
      if (g === start || ++steps > this.groups.length) {
        this.groups[start]!.parent = -1;
        return;
      }
    }
  }
}

function put<V>(map: Map<number, V>, row: number, value: V | null | undefined): void {
  if (value === null || value === undefined) map.delete(row);
  else map.set(row, value);
}
