// Events through the notebook's kernel, for pages that cannot reach the server that runs the execution.
import { decodeEvents, decodeSnapshot, isObject } from "./decode.ts";
import type { Command, ConnectionState, Sink, Source } from "./source.ts";

/** What the view uses of an anywidget model; a standalone page has a stand-in. */
export interface Model {
  get(name: string): unknown;
  set?(name: string, value: unknown): void;
  save_changes?(): void;
  send?(content: unknown): void;
  on?(event: string, callback: (...values: never[]) => void): void;
  off?(event: string, callback: (...values: never[]) => void): void;
}

const ASK_MS = 5_000;

/** A source that asks the kernel, shows the saved snapshot until it answers, and asks again while it does not. */
export class Relay implements Source {
  #heard = false;
  #state: ConnectionState = { kind: "saved" };
  #ask: ReturnType<typeof setInterval> | undefined;

  constructor(
    private readonly model: Model,
    private readonly executionId: string,
    private readonly sink: Sink,
  ) {
    this.#saved();
    model.on?.("msg:custom", this.#receive);
    model.on?.("change:snapshot", this.#changed);
    sink.state(this.#state);
    this.resync();
    this.#ask = setInterval(() => this.#heard || this.resync(), ASK_MS);
  }

  /** Ask the kernel to cancel, pause, resume or retry; a busy kernel does so when it is idle. */
  command(command: Command): void {
    this.#send({ kind: command, execution_id: this.executionId });
  }

  nudge(): void {
    this.resync();
  }

  resync(): void {
    const { seq, epoch } = this.sink.cursor();
    this.#send({ kind: "subscribe", execution_id: this.executionId, ...(epoch ? { after: seq, epoch } : {}) });
  }

  close(): void {
    clearInterval(this.#ask);
    this.model.off?.("msg:custom", this.#receive);
    this.model.off?.("change:snapshot", this.#changed);
    this.#send({ kind: "unsubscribe", execution_id: this.executionId });
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
    if (content["kind"] === "connection") this.#connection(content["state"]);
    if (content["kind"] === "refused") this.sink.notice(String(content["message"]));
    if (content["kind"] === "snapshot") {
      const snapshot = decodeSnapshot(content["snapshot"]);
      if (snapshot) this.sink.snapshot(snapshot);
    } else if (content["kind"] === "events") this.sink.events(decodeEvents(content["events"]), this.#heard);
    else return;
    this.#heard = true;
    this.#enter({ kind: "delayed" });
  };

  /** The kernel tells of its own connection to the server. */
  #connection(state: unknown): void {
    if (state === "live") this.#enter({ kind: "delayed" });
    else if (state === "waiting" || state === "lost") {
      this.#enter({ kind: "waiting", since: Date.now(), retryAt: Date.now() });
    }
  }

  #changed = (): void => {
    if (this.#saved() && this.#state.kind === "saved") this.#enter({ kind: "delayed" });
  };

  #saved(): boolean {
    const snapshot = decodeSnapshot(this.model.get("snapshot"));
    const { seq, epoch } = this.sink.cursor();
    const news = snapshot !== null && (snapshot.seq > seq || epoch === "");
    if (news) this.sink.snapshot(snapshot);
    return news;
  }

  #enter(state: ConnectionState): void {
    if (state.kind === this.#state.kind) return;
    this.#state = state;
    this.sink.state(state);
  }
}
