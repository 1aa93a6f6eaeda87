// One execution as one widget model knows it: its run, its connection, its clock. Shared by all its views.
import { Connection } from "../protocol/connection.ts";
import type { Incoming } from "../protocol/decode.ts";
import type { Event, Snapshot } from "../protocol/messages.gen.ts";
import type { Model } from "../protocol/relay.ts";
import type { Command, ConnectionState, Sink } from "../protocol/source.ts";
import { Attempts } from "../fold/attempts.ts";
import { Clock } from "../fold/clock.ts";
import { decodeHistory } from "../fold/history.ts";
import { Run, type Changes } from "../fold/run.ts";
import { isFinalExecution } from "../fold/statuses.ts";
import { Tails } from "../fold/tails.ts";
import { parseTime } from "../fold/times.ts";

/** What a view hears. `changed` comes at most once per animation frame. */
export interface Listener {
  changed(changes: Changes): void;
  connection(state: ConnectionState): void;
  /** A task printed or displayed something. */
  said(event: Event & { type: "task.log" | "task.output" }): void;
  notice(message: string): void;
}

const GRACE_MS = 2_000;

/** Connects with its first view and disconnects 2 s after the last. */
export class Session {
  readonly run = new Run();
  readonly attempts = new Attempts();
  readonly tails = new Tails();
  readonly clock = new Clock();
  history = decodeHistory(null);
  state: ConnectionState = { kind: "connecting" };
  #listeners = new Set<Listener>();
  #connection: Connection | null = null;
  #frame = 0;
  #grace: ReturnType<typeof setTimeout> | undefined;
  #gap = 0;

  constructor(
    private readonly model: Model,
    readonly executionId: string,
  ) {
    const workflow = model.get("workflow");
    this.run.id = executionId;
    if (typeof workflow === "string") this.run.workflow = workflow;
    this.history = decodeHistory(model.get("history"));
  }

  /** Add a view; the returned function removes it. */
  join(listener: Listener): () => void {
    clearTimeout(this.#grace);
    this.#listeners.add(listener);
    this.#connection ??= new Connection(this.model, this.executionId, this.#sink, (ms) => this.clock.answered(ms));
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.#grace = setTimeout(() => this.close(), GRACE_MS);
    };
  }

  /** Whether the page talks to the server itself, so that logs and commands do not need the kernel. */
  get isDirect(): boolean {
    return this.#connection?.rest != null;
  }

  /** Try to reconnect now. */
  nudge(): void {
    this.#connection?.nudge();
  }

  /** Give a command; rejects with the reason when it was refused. */
  async command(command: Command): Promise<void> {
    await this.#connection?.command(command);
  }

  /** All that a task printed (`logs`) or displayed (`outputs`), from the server; null where it cannot be asked. */
  async taskList(key: string, what: "logs" | "outputs"): Promise<readonly unknown[] | null> {
    return (await this.#connection?.taskList(key, what)) ?? null;
  }

  /** Learn of attempts from before this page opened, where some task had several and the server can be asked. */
  async loadAttempts(): Promise<void> {
    const { tasks } = this.run;
    const unknown = (row: number): boolean => tasks.attempts[row]! > 1 && this.attempts.of(tasks.keys[row]!).length < tasks.attempts[row]!;
    if (!tasks.keys.some((_, row) => unknown(row))) return;
    const asked = this.run.seq;
    for (let after = 0; after < asked; ) {
      const events = await this.#connection?.events(after).catch(() => null);
      const last = events?.at(-1);
      if (events == null || last === undefined || last.seq <= after) return;
      for (const event of events) this.attempts.apply(event);
      after = last.seq;
    }
  }

  /** Close the connection; the next view opens it again. */
  close(): void {
    clearTimeout(this.#grace);
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.#connection?.close();
    this.#connection = null;
  }

  readonly #sink: Sink = {
    cursor: () => ({ seq: this.run.seq, epoch: this.run.epoch }),
    snapshot: (snapshot) => this.#load(snapshot),
    events: (events, fresh) => this.#apply(events, fresh),
    state: (state) => this.#enter(state),
    notice: (message) => this.#listeners.forEach((listener) => listener.notice(message)),
  };

  #load(snapshot: Snapshot): void {
    if (snapshot.epoch === this.run.epoch && snapshot.seq < this.run.seq) return;
    if (snapshot.epoch !== this.run.epoch) this.tails.clear();
    this.run.load(snapshot);
    this.#gap = 0;
    this.#seen();
    this.#plan();
  }

  #apply(events: readonly Incoming[], fresh: boolean): void {
    for (const event of events) {
      if (event.seq <= this.run.seq) continue;
      if (event.seq > this.run.seq + 1 && this.#gap !== event.seq) {
        // something is missing: ask once, and take what comes then as all there is
        this.#gap = event.seq;
        this.#connection?.resync();
        return;
      }
      this.run.apply(event);
      this.attempts.apply(event);
      if (event.type === "task.log" || event.type === "task.output") {
        this.tails.add(event);
        for (const listener of this.#listeners) listener.said(event);
      }
    }
    const last = events.at(-1);
    if (last !== undefined && last.type !== "unknown") this.clock.happened(parseTime(last.time), fresh);
    this.#seen();
    this.#plan();
  }

  #enter(state: ConnectionState): void {
    this.state = state;
    if (state.kind === "live" || state.kind === "delayed") this.clock.start();
    this.#seen();
    for (const listener of this.#listeners) listener.connection(state);
    this.#plan();
  }

  /** The clock stands still where nothing says that time has passed in the execution. */
  #seen(): void {
    const { run, clock, state } = this;
    clock.start();
    if (isFinalExecution(run.status)) clock.stop(run.ended);
    else if (state.kind === "saved" || state.kind === "refused") clock.stop(lastTime(run));
    else if (state.kind === "waiting" || state.kind === "gone") clock.stop(clock.now() - (Date.now() - state.since));
  }

  #plan(): void {
    if (this.#frame !== 0) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      const changes = this.run.changes();
      for (const listener of this.#listeners) listener.changed(changes);
    });
  }
}

/** The latest time that a snapshot speaks of. */
function lastTime(run: Run): number {
  let last = Number.isNaN(run.started) ? run.created : run.started;
  for (let row = 0; row < run.tasks.length; row++) {
    for (const time of [run.tasks.started[row]!, run.tasks.ended[row]!]) if (time > last) last = time;
  }
  return last;
}
