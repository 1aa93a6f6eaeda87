// Trying again: the one place that knows how long to wait, and when not to.
import { backoff } from "./source.ts";

/** Calls `wake` when the page is online again, seen again or brought back; returns how to stop that. */
export function onWake(wake: () => void): () => void {
  const shown = (): void => {
    if (document.visibilityState === "visible") wake();
  };
  window.addEventListener("online", wake);
  window.addEventListener("pageshow", shown);
  document.addEventListener("visibilitychange", shown);
  return () => {
    window.removeEventListener("online", wake);
    window.removeEventListener("pageshow", shown);
    document.removeEventListener("visibilitychange", shown);
  };
}

/** Since when there was no success, and when the next try comes (local ms). */
export interface Pause {
  readonly since: number;
  readonly retryAt: number;
}

/** Tries for ever, after waits with full jitter from 0.5 to 15 s. */
export class Retry {
  #attempt = 0;
  #since = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly again: () => void) {}

  /** Whether a try is planned. */
  get isWaiting(): boolean {
    return this.#timer !== undefined;
  }

  /** It failed at `since`: plan the next try, `extra` ms later than usual. */
  failed(since = Date.now(), extra = 0): Pause {
    clearTimeout(this.#timer);
    this.#since ||= since;
    const wait = backoff(this.#attempt++) + extra;
    this.#timer = setTimeout(() => this.now(), wait);
    return { since: this.#since, retryAt: Date.now() + wait };
  }

  /** It worked: the next failure is a first one. */
  succeeded(): void {
    this.#attempt = 0;
    this.#since = 0;
  }

  /** Do the planned try now, if there is one. */
  now(): boolean {
    if (this.#timer === undefined) return false;
    this.stop();
    this.again();
    return true;
  }

  /** Forget the planned try. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
