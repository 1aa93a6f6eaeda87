// Events through the notebook's kernel, for pages that cannot reach the server that runs the execution.
import { decodeEvents, decodeSnapshot, isObject, type Fields } from "./decode.ts";
import type { Snapshot } from "./messages.gen.ts";
import { RequestError } from "./page.ts";
import { FINAL, type ConnectionState, type Params, type Question, type Sink, type Source } from "./source.ts";

/** What the view uses of an anywidget model; a standalone page has a stand-in. */
export interface Model {
  get(name: string): unknown;
  set?(name: string, value: unknown): void;
  save_changes?(): void;
  send?(content: unknown): void;
  on?(event: string, callback: (...values: never[]) => void): void;
  off?(event: string, callback: (...values: never[]) => void): void;
}

/** A busy kernel answers when it is idle; so long is waited for it. */
const ANSWER_MS = 60_000;
const ASK_MS = 5_000;
/** Silence after which the kernel is asked whether a message was lost: Jupyter drops them when there are many. */
const SILENCE_MS = 20_000;
/** A kernel with heartbeats that is silent for so long is gone. */
const DEAD_MS = 25_000;

/** A source that asks the kernel, shows the saved snapshot until it answers, and asks again while it does not. */
export class Relay implements Source {
  #heard = false;
  #heardAt = 0;
  #askedAt = 0;
  #asked = false;
  #ended = false;
  #beats = false;
  #state: ConnectionState = { kind: "saved" };
  #ask: ReturnType<typeof setInterval> | undefined;
  /** Other pages hear the same answers: requests of this one begin with a name of its own. */
  readonly #name = Math.random().toString(36).slice(2);
  #requests = 0;
  readonly #waiting = new Map<string, (content: Fields | null) => void>();

  constructor(
    private readonly model: Model,
    private readonly executionId: string,
    private readonly sink: Sink,
  ) {
    this.#saved();
    model.on?.("msg:custom", this.#receive);
    model.on?.("change:snapshot", this.#changed);
    model.on?.("comm_live_update", this.#unplugged);
    sink.state(this.#state);
    this.resync();
    this.#ask = setInterval(() => {
      if (!this.#heard || (!this.#ended && Date.now() - Math.max(this.#askedAt, this.#heardAt) > SILENCE_MS)) this.resync();
      const silent = this.#beats && !this.#ended && Date.now() - this.#heardAt > DEAD_MS;
      if (silent && this.#state.kind === "delayed") this.#enter({ kind: "gone", since: this.#heardAt });
    }, ASK_MS);
  }

  /** Ask the kernel; rejects with the reason when it refuses, is gone, or is busy for too long. */
  ask(method: Question, params: Params): Promise<unknown> {
    const id = `${this.#name}-${++this.#requests}`;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => answered(null), ANSWER_MS);
      const answered = (content: Fields | null): void => {
        clearTimeout(timer);
        this.#waiting.delete(id);
        const error = content?.["error"];
        if (content === null) reject(new RequestError(0, "the kernel does not answer: it is busy, or gone"));
        else if (isObject(error)) reject(new RequestError(400, String(error["message"])));
        else resolve(content["result"]);
      };
      this.#waiting.set(id, answered);
      this.#send({ kind: "request", execution_id: this.executionId, id, method, params });
    });
  }

  /** Whether the kernel was heard, and is not gone since. */
  get isThere(): boolean {
    return this.#state.kind === "delayed";
  }

  nudge(): void {
    this.resync();
  }

  resync(): void {
    const { seq, epoch } = this.sink.cursor();
    // the kernel counts who listens
    if (this.#asked) this.#send({ kind: "unsubscribe", execution_id: this.executionId });
    this.#asked = true;
    this.#askedAt = Date.now();
    this.#send({ kind: "subscribe", execution_id: this.executionId, ...(epoch ? { after: seq, epoch } : {}) });
  }

  close(): void {
    clearInterval(this.#ask);
    this.model.off?.("msg:custom", this.#receive);
    this.model.off?.("change:snapshot", this.#changed);
    this.model.off?.("comm_live_update", this.#unplugged);
    this.#send({ kind: "unsubscribe", execution_id: this.executionId });
    this.#forget();
  }

  #forget(): void {
    for (const answered of [...this.#waiting.values()]) answered(null);
  }

  #send(content: unknown): void {
    try {
      this.model.send?.(content);
    } catch {
      // the comm is gone: the saved snapshot stays
    }
  }

  #receive = (content: unknown): void => {
    if (!isObject(content) || (content["execution_id"] ?? this.executionId) !== this.executionId) return;
    if (content["kind"] === "heartbeat") this.#beat(content["seq"]);
    if (content["kind"] === "connection") this.#connection(content["state"]);
    if (content["kind"] === "answer") this.#waiting.get(String(content["id"]))?.(content);
    if (content["kind"] === "snapshot") {
      const snapshot = decodeSnapshot(content["snapshot"]);
      if (snapshot) this.#take(snapshot);
    } else if (content["kind"] === "events") {
      const events = decodeEvents(content["events"]);
      for (const { type } of events) this.#ended = type === "workflow.completed" || (this.#ended && type !== "workflow.retried");
      this.sink.events(events, this.#heard);
    } else return;
    this.#heard = true;
    this.#heardAt = Date.now();
    this.#enter({ kind: "delayed", by: "kernel" });
  };

  /** The kernel is there, and has sent everything up to `seq`: what is not here was lost on the way. */
  #beat(seq: unknown): void {
    this.#beats = true;
    this.#heardAt = Date.now();
    if (this.#state.kind === "gone") this.#enter({ kind: "delayed", by: "kernel" });
    if (typeof seq === "number" && seq > this.sink.cursor().seq) this.resync();
  }

  /** The kernel tells of its own connection to the server. */
  #connection(state: unknown): void {
    if (state === "live") this.#enter({ kind: "delayed", by: "kernel" });
    else if (state === "waiting" || state === "lost") {
      this.#enter({ kind: "waiting", since: Date.now(), retryAt: Date.now() });
    }
  }

  #changed = (): void => {
    if (this.#saved() && this.#state.kind === "saved") this.#enter({ kind: "delayed", by: "kernel" });
  };

  /** The comm was cut, by the end of the kernel or a new start, or is whole again: an answer tells. */
  #unplugged = (): void => {
    if (this.#heard) this.#enter({ kind: "gone", since: Date.now() });
    this.#heard = this.#asked = false;
    this.#forget();
    this.resync();
  };

  #saved(): boolean {
    const snapshot = decodeSnapshot(this.model.get("snapshot"));
    const { seq, epoch } = this.sink.cursor();
    const news = snapshot !== null && (snapshot.seq > seq || epoch === "");
    if (news) this.#take(snapshot);
    return news;
  }

  #take(snapshot: Snapshot): void {
    this.#ended = FINAL.includes(snapshot.status);
    this.sink.snapshot(snapshot);
  }

  #enter(state: ConnectionState): void {
    if (state.kind === this.#state.kind) return;
    this.#state = state;
    this.sink.state(state);
  }
}
