// The tasks of a run as columns: 10,000 of them are a few arrays, not 10,000 objects.
import type { Failure, Reason, ResultInfo } from "../protocol/messages.gen.ts";

const FIRST = 64;

/** One row per task, in the order in which they were added; a removed row keeps its place. */
export class Columns {
  length = 0;
  readonly keys: string[] = [];
  readonly names: string[] = [];
  readonly groupKeys: (string | null)[] = [];
  readonly dependencies: (readonly string[])[] = [];
  readonly workers: string[] = [];
  readonly texts = new Map<number, string>();
  readonly errors = new Map<number, Failure>();
  readonly reasons = new Map<number, Reason>();
  readonly results = new Map<number, ResultInfo>();
  /** Index of the innermost group that the task is drawn in, or -1. */
  home = new Int32Array(FIRST);
  removed = new Uint8Array(FIRST);
  status = new Uint8Array(FIRST);
  attempts = new Uint32Array(FIRST);
  logged = new Uint32Array(FIRST);
  displayed = new Uint32Array(FIRST);
  /** 1 for a running task that was asked to stop. */
  cancelling = new Uint8Array(FIRST);
  /** Milliseconds, NaN for none; likewise `ended` and `retryAt`. */
  started = new Float64Array(FIRST);
  ended = new Float64Array(FIRST);
  retryAt = new Float64Array(FIRST);
  /** Seconds, NaN for none. */
  duration = new Float64Array(FIRST);
  /** NaN for no progress, and for an unknown total. */
  done = new Float64Array(FIRST);
  total = new Float64Array(FIRST);

  /** Append an empty row and return its index. */
  add(key: string, name: string, group: string | null, dependencies: readonly string[], status: number): number {
    const row = this.length++;
    if (row >= this.status.length) this.#grow();
    this.keys.push(key);
    this.names.push(name);
    this.groupKeys.push(group);
    this.dependencies.push(dependencies);
    this.workers.push("");
    this.home[row] = -1;
    this.status[row] = status;
    for (const column of [this.started, this.ended, this.retryAt, this.duration, this.done, this.total]) {
      column[row] = Number.NaN;
    }
    return row;
  }

  #grow(): void {
    const size = this.status.length * 2;
    this.home = grown(this.home, new Int32Array(size));
    this.removed = grown(this.removed, new Uint8Array(size));
    this.status = grown(this.status, new Uint8Array(size));
    this.attempts = grown(this.attempts, new Uint32Array(size));
    this.logged = grown(this.logged, new Uint32Array(size));
    this.displayed = grown(this.displayed, new Uint32Array(size));
    this.cancelling = grown(this.cancelling, new Uint8Array(size));
    this.started = grown(this.started, new Float64Array(size));
    this.ended = grown(this.ended, new Float64Array(size));
    this.retryAt = grown(this.retryAt, new Float64Array(size));
    this.duration = grown(this.duration, new Float64Array(size));
    this.done = grown(this.done, new Float64Array(size));
    this.total = grown(this.total, new Float64Array(size));
  }
}

function grown<A extends { set(array: A): void }>(from: A, to: A): A {
  to.set(from);
  return to;
}
