// The server's clock as seen from here: elapsed times are right on a page whose clock is wrong.

const NEAR_MS = 1_000;

/** Estimates how far the server's clock is ahead of ours, from answers and from events that just happened. */
export class Clock {
  #base = 0;
  #hint = Number.NEGATIVE_INFINITY;
  #stopped: number | null = null;

  constructor(private readonly local: () => number = Date.now) {}

  /** The offset in ms as an HTTP answer tells it, good to about a second. */
  answered(offset: number): void {
    this.#base = Math.abs(offset) > NEAR_MS ? offset : 0;
    this.#hint = Number.NEGATIVE_INFINITY;
  }

  /** Something happened at `time` (server) and is known now: the server's clock is at least there. */
  happened(time: number, fresh: boolean): void {
    const offset = time - this.local();
    if (fresh) this.#hint = Math.max(this.#hint, offset);
    else if (offset > this.#base + NEAR_MS) this.#base = offset;
  }

  /** Milliseconds by the server's clock; stands still while stopped. */
  now(): number {
    return this.#stopped ?? this.local() + this.#offset();
  }

  /** Stand still at the present time, or at `time`. */
  stop(time?: number): void {
    this.#stopped ??= time ?? this.now();
  }

  /** Go on. */
  start(): void {
    this.#stopped = null;
  }

  #offset(): number {
    if (this.#hint === Number.NEGATIVE_INFINITY) return this.#base;
    // one late event must not turn a good clock back: an answer is trusted unless events contradict it
    const hinted = Math.abs(this.#hint) > NEAR_MS ? this.#hint : 0;
    return this.#base === 0 ? hinted : Math.max(this.#base, this.#hint);
  }
}
