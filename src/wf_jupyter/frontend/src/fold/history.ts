// How long tasks of these names took in earlier executions: the only source of estimates and of "unusual".
import { isObject } from "../protocol/decode.ts";
import type { Columns } from "./columns.ts";
import { RUNNING } from "./statuses.ts";

/** Durations of successful attempts in seconds, from `count` of them. */
export interface Usual {
  readonly count: number;
  readonly p10: number;
  readonly p50: number;
  readonly p90: number;
  readonly p95: number;
}

/** Which of the durations: a fast, a usual or a slow one. */
export type Pace = "p10" | "p50" | "p90";

/** A run, as far as it takes to compare it. */
interface WithTasks {
  readonly tasks: Columns;
}

const ENOUGH = 5;
const FAR = 1.5;

/** What is known of earlier executions of the workflow; empty when nothing is. */
export class History {
  constructor(
    readonly executions = 0,
    private readonly tasks: ReadonlyMap<string, Usual> = new Map(),
    private readonly groups: ReadonlyMap<string, Usual> = new Map(),
    private readonly sizes: ReadonlyMap<string, Usual> = new Map(),
  ) {}

  /** What is usual for tasks of that name, or null when none succeeded before. */
  of(name: string): Usual | null {
    return this.tasks.get(name) ?? null;
  }

  /** Seconds that a mapped task (of `size` items, null while unknown) or a sub-workflow takes as a whole; null when none did before. */
  whole(name: string, size: number | null, pace: Pace): number | null {
    const seconds = this.groups.get(name);
    const items = this.sizes.get(name)?.p50;
    if (seconds === undefined) return null;
    return seconds[pace] * (size !== null && items ? size / items : 1);
  }

  /** Whether the task runs far longer than usual; never without enough to compare with. */
  isUnusual(run: WithTasks, row: number, now: number): boolean {
    const { tasks } = run;
    const usual = this.of(tasks.names[row]!);
    if (usual === null || usual.count < ENOUGH || tasks.status[row] !== RUNNING) return false;
    return (now - tasks.started[row]!) / 1000 > usual.p95 * FAR;
  }
}

/** The history that a server told; whatever is malformed is left out. */
export function decodeHistory(value: unknown): History {
  if (!isObject(value)) return new History();
  return new History(Number(value["executions"]) || 0, decodeUsual(value["tasks"]), decodeUsual(value["groups"]), decodeUsual(value["sizes"]));
}

function decodeUsual(value: unknown): Map<string, Usual> {
  const found = new Map<string, Usual>();
  for (const [name, entry] of Object.entries(isObject(value) ? value : {})) {
    if (!isObject(entry)) continue;
    const [count, p10, p50, p90, p95] = ["count", "p10", "p50", "p90", "p95"].map((field) => Number(entry[field]));
    const numbers = [count!, p10!, p50!, p90!, p95!];
    if (numbers.every((n) => Number.isFinite(n) && n >= 0) && count! > 0) {
      found.set(name, { count: count!, p10: p10!, p50: p50!, p90: p90!, p95: p95! });
    }
  }
  return found;
}

/** Seconds that a running task still needs at a pace, by its own progress or else by history; null when neither tells. */
export function secondsLeft(run: WithTasks, row: number, now: number, history: History, pace: Pace = "p50"): number | null {
  const { tasks } = run;
  const ran = (now - tasks.started[row]!) / 1000;
  const share = tasks.done[row]! / tasks.total[row]!;
  // a straight line through what the task itself told, once that is more than noise
  if (share > 0.05 && share <= 1 && ran > 2) return (ran / share) * (1 - share);
  const usual = history.of(tasks.names[row]!);
  return usual === null ? null : Math.max(0, usual[pace] - ran);
}
