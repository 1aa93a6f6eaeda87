// Attempts beyond the last one: the snapshot has only that, the events have all.
import type { Incoming } from "../protocol/decode.ts";
import { parseTime } from "./times.ts";

/** One finished or running attempt, times in ms (`ended` NaN while it runs). */
export interface AttemptSpan {
  readonly number: number;
  started: number;
  ended: number;
  failed: boolean;
}

/** Spans by task key, for tasks that this page saw start. */
export class Attempts {
  readonly #spans = new Map<string, AttemptSpan[]>();

  /** Note what an event says about an attempt; the same event twice changes nothing. */
  apply(event: Incoming): void {
    if (event.type === "task.started") {
      const spans = this.#spans.get(event.task) ?? [];
      if (spans.some((span) => span.number === event.attempt)) return;
      const span = { number: event.attempt, started: parseTime(event.time), ended: Number.NaN, failed: false };
      this.#spans.set(event.task, [...spans, span].sort((a, b) => a.number - b.number));
    } else if (event.type === "task.requeued") {
      const spans = this.#spans.get(event.task)?.filter((span) => span.number !== event.attempt);
      if (spans !== undefined) this.#spans.set(event.task, spans);
    } else if (event.type === "task.retrying" || event.type === "task.completed") {
      const span = this.#spans.get(event.task)?.find((other) => other.number === event.attempt);
      if (span === undefined) return;
      // cancelled while it waited for another try: the last one had ended long before
      if (event.type === "task.completed" && event.status === "cancelled" && span.failed) return;
      if (event.started) span.started = parseTime(event.started);
      span.ended = parseTime(event.time);
      span.failed = event.type === "task.retrying" || event.status === "failed";
    } else if (event.type === "workflow.recovered") {
      for (const key of event.tasks ?? []) {
        const span = this.#spans.get(key)?.at(-1);
        if (span === undefined || !Number.isNaN(span.ended)) continue;
        span.ended = parseTime(event.time);
        span.failed = true;
      }
    }
  }

  /** The attempts of a task that are known, in order. */
  of(key: string): readonly AttemptSpan[] {
    return this.#spans.get(key) ?? [];
  }
}
