// Everything that arrives is untrusted: it enters the program here or not at all.
import type { Event, Snapshot } from "./messages.gen.ts";

/** An event of a type that this view does not know: only its place in the log counts. */
export interface UnknownEvent {
  readonly type: "unknown";
  readonly seq: number;
}

export type Incoming = Event | UnknownEvent;

/** A JSON object of which nothing is known. */
export type Fields = Readonly<Record<string, unknown>>;
type Check = (value: unknown) => boolean;

const text: Check = (value) => typeof value === "string";
const number: Check = (value) => typeof value === "number" && Number.isFinite(value);
const list: Check = (value) => Array.isArray(value);
const texts: Check = (value) => Array.isArray(value) && value.every(text);
const object: Check = isObject;
const optional = (check: Check): Check => (value) => value === undefined || value === null || check(value);

const FAILURE = { type: text, message: text, traceback: optional(text) };
const failure: Check = (value) => isObject(value) && holds(value, FAILURE);
const REASON = { kind: text, task: text, message: text, via: optional(text) };
const reason: Check = (value) => isObject(value) && holds(value, REASON);
const RESULT = { type: text, text: optional(text), size: optional(number), shape: optional(list), html: optional(text) };
const result: Check = (value) => isObject(value) && holds(value, RESULT);
const item: Check = (value) =>
  isObject(value) && holds(value, { key: text, name: text, group: optional(text), dependencies: optional(texts) });
const items: Check = (value) => Array.isArray(value) && value.every(item);

const EVENTS: { readonly [type in Event["type"]]: Readonly<Record<string, Check>> } = {
  "workflow.started": { workflow: text, inputs: optional(object), epoch: optional(text) },
  "tasks.added": { tasks: optional(items), groups: optional(items) },
  "task.started": { task: text, attempt: number },
  "task.progress": { task: text, done: number, total: optional(number), text: optional(text) },
  "task.log": { task: text, attempt: number, stream: text, text: text },
  "task.output": { task: text, attempt: number, data: object },
  "task.retrying": { task: text, attempt: number, delay: number, error: failure, started: optional(text) },
  "task.requeued": { task: text, attempt: number },
  "task.cancelling": { task: text, attempt: number },
  "task.completed": { task: text, status: text, attempt: number, started: optional(text), error: optional(failure), reason: optional(reason), result: optional(result) },
  "workflow.paused": {},
  "workflow.resumed": {},
  "workflow.cancelling": { reason: optional(text) },
  "workflow.retried": { tasks: optional(texts), epoch: optional(text) },
  "workflow.interrupted": { epoch: optional(text), reason: optional(text) },
  "workflow.recovered": { tasks: optional(texts), epoch: optional(text) },
  "workflow.completed": { status: text, failed: optional(texts), result: optional(result) },
};

const TASK = { key: text, name: text, status: text, group: optional(text), dependencies: optional(texts) };
const task: Check = (value) => isObject(value) && holds(value, TASK);
const PARKED = { kind: text, reason: text, since: text };
const parked: Check = (value) => isObject(value) && holds(value, PARKED);
const SNAPSHOT = { id: text, workflow: text, status: text, seq: number, tasks: list, parked: optional(parked) };

/** Whether `value` is a plain JSON object. */
export function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The event, `UnknownEvent` when only its place is understood, or null when it is no event at all. */
export function decodeEvent(value: unknown): Incoming | null {
  if (!isObject(value) || !Number.isInteger(value["seq"])) return null;
  const seq = value["seq"] as number;
  const type = value["type"];
  const fields = typeof type === "string" && Object.hasOwn(EVENTS, type) ? EVENTS[type as Event["type"]] : null;
  if (fields === null || !text(value["time"]) || !holds(value, fields)) return { type: "unknown", seq };
  return value as unknown as Event;
}

/** All that are events, in order; an empty list for anything that is no list. */
export function decodeEvents(value: unknown): Incoming[] {
  return Array.isArray(value) ? value.map(decodeEvent).filter((event) => event !== null) : [];
}

/** The snapshot without the tasks and groups that are malformed, or null. */
export function decodeSnapshot(value: unknown): Snapshot | null {
  if (!isObject(value) || !holds(value, SNAPSHOT)) return null;
  const tasks = [...(value["tasks"] as unknown[]).filter(task), ...unfolded(value)];
  const groups = Array.isArray(value["groups"]) ? value["groups"].filter(item) : [];
  return { ...value, tasks, groups } as unknown as Snapshot;
}

/** The items of mapped tasks that a saved notebook keeps as runs of equal states, as tasks. */
function unfolded(value: Fields): unknown[] {
  if (!Array.isArray(value["items"])) return [];
  const known = new Set((value["tasks"] as Fields[]).map(({ key }) => key));
  const found: unknown[] = [];
  for (const each of value["items"].filter(isObject)) {
    const group = String(each["group"]);
    const statuses = (Array.isArray(each["runs"]) ? each["runs"] : []).flatMap(([status, count]: [string, number]) => new Array<string>(count).fill(status));
    statuses.forEach((status, index) => {
      const key = `${group}[${index}]`;
      if (!known.has(key)) found.push({ key, name: group, status, group, dependencies: [], attempts: 0 });
    });
  }
  return found;
}

/** The value that the text stands for, or undefined when it is no JSON. */
export function parseJson(source: string): unknown {
  try {
    return JSON.parse(source) as unknown;
  } catch {
    return undefined;
  }
}

function holds(value: Fields, checks: Readonly<Record<string, Check>>): boolean {
  for (const name in checks) if (!checks[name]!(value[name])) return false;
  return true;
}
