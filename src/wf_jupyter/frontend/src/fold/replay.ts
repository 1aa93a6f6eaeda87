// The events of one execution, kept so that the run can be shown as it was at any moment.
import type { Incoming } from "../protocol/decode.ts";
import type { Event, Snapshot } from "../protocol/messages.gen.ts";
import { picture } from "./picture.ts";
import type { Run } from "./run.ts";
import { parseTime } from "./times.ts";

export type Said = Event & { type: "task.log" | "task.output" };

const FIRST = 1_000;
const POINTS = 40;
/** Characters of logs that are kept; what comes after shows as left out. */
const MOST_TEXT = 32_000_000;

/** What a seek did: the texts and outputs that came, or that the run went back in time. */
export interface Moved {
  readonly said: readonly Said[];
  readonly rewound: boolean;
}

/** A growing log with pictures of the run on the way, so that going back does not start from the beginning. */
export class Recording {
  readonly #events: Incoming[] = [];
  readonly #times: number[] = [];
  readonly #points = new Map<number, Snapshot>();
  #at = -1;
  #text = 0;
  /** Events are missing in the middle. */
  isBroken = false;

  /** `origin` is the run before its first event. */
  constructor(private readonly origin: Snapshot) {
    this.#points.set(0, origin);
  }

  get lastSeq(): number {
    return this.#events.at(-1)?.seq ?? this.origin.seq;
  }

  /** When the first and the last event happened, in the server's ms. */
  get span(): readonly [number, number] {
    const first = this.#times[0] ?? parseTime(this.origin.created);
    return [first, this.#times.at(-1) ?? first];
  }

  /** Add events; those that are there already are skipped. */
  append(events: readonly Incoming[]): void {
    for (const event of events) {
      if (event.seq <= this.lastSeq) continue;
      if (event.seq > this.lastSeq + 1) this.isBroken = true;
      const before = this.#times.at(-1) ?? Number.NEGATIVE_INFINITY;
      const time = event.type === "unknown" ? Number.NaN : parseTime(event.time);
      this.#times.push(time > before ? time : before === Number.NEGATIVE_INFINITY ? parseTime(this.origin.created) : before);
      this.#events.push(this.#bounded(event));
    }
  }

  /** Bring `run` to the moment `time`; the same run every time. */
  seek(run: Run, time: number): Moved {
    return this.#go(run, this.#count(time));
  }

  /** Bring `run` to the end of what is known. */
  finish(run: Run): Moved {
    return this.#go(run, this.#events.length);
  }

  /** The run was changed by others: the next seek starts from a picture. */
  forget(): void {
    this.#at = -1;
  }

  /** What a task printed or displayed up to `seq`. */
  said(key: string, type: Said["type"], seq: number): Said[] {
    return this.#events.filter((event): event is Said => event.type === type && event.task === key && event.seq <= seq);
  }

  #go(run: Run, target: number): Moved {
    const rewound = this.#at < 0 || target < this.#at;
    if (rewound || target - this.#at > this.#every) {
      const from = [...this.#points.keys()].reduce((best, at) => (at <= target && at > best ? at : best), 0);
      if (rewound || from > this.#at) {
        run.load(this.#points.get(from)!);
        this.#at = from;
      }
    }
    const said: Said[] = [];
    for (; this.#at < target; ) {
      const event = this.#events[this.#at++]!;
      run.apply(event);
      if (event.type === "task.log" || event.type === "task.output") said.push(event);
      if (this.#at % this.#every === 0 && !this.#points.has(this.#at)) this.#points.set(this.#at, picture(run));
    }
    return { said, rewound };
  }

  get #every(): number {
    return Math.max(FIRST, 2 ** Math.ceil(Math.log2(Math.max(1, this.#events.length / POINTS))));
  }

  /** How many events happened up to `time`. */
  #count(time: number): number {
    let low = 0;
    let high = this.#times.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#times[middle]! <= time) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #bounded(event: Incoming): Incoming {
    if (event.type !== "task.log") return event;
    this.#text += event.text.length;
    return this.#text <= MOST_TEXT ? event : { ...event, text: "… not kept for the replay\n" };
  }
}
