// One execution as one widget model knows it: its run, its connection, its clock. Shared by all its views.
import { Connection } from "../protocol/connection.ts";
import { decodeEvents, isObject, type Fields, type Incoming } from "../protocol/decode.ts";
import type { Snapshot } from "../protocol/messages.gen.ts";
import type { Model } from "../protocol/relay.ts";
import type { Rest } from "../protocol/page.ts";
import type { ConnectionState, Params, Question, Sink } from "../protocol/source.ts";
import { Attempts } from "../fold/attempts.ts";
import { Clock } from "../fold/clock.ts";
import { Follower } from "../fold/follower.ts";
import { decodeHistory, type History } from "../fold/history.ts";
import { Recording, type Said } from "../fold/replay.ts";
import { Run, type Changes } from "../fold/run.ts";
import { isFinalExecution } from "../fold/statuses.ts";
import { Tails } from "../fold/recent-output.ts";
import { formatTime, parseTime } from "../fold/times.ts";

/** What a view hears. `changed` comes at most once per animation frame. */
export interface Listener {
  changed(changes: Changes): void;
  connection(state: ConnectionState): void;
  /** A task printed or displayed something. */
  said(event: Said): void;
  /** The run went back in time: what was printed later has not happened. */
  rewound(): void;
}

/** What a page learns that keeps the outcome. */
export interface Watcher {
  readonly ended?: (seq: number, epoch: string) => void;
  readonly refused?: () => void;
}

const PAGE = 1_000;
const GRACE_MS = 2_000;

/** Seconds of the processor, and bytes of memory at the peak; NaN for what was not measured. */
export interface Usage {
  readonly cpu: number;
  readonly memory: number;
}

/** Connects with its first view and disconnects 2 s after the last. */
export class Session {
  readonly run = new Run();
  readonly attempts = new Attempts();
  readonly tails = new Tails();
  readonly clock = new Clock();
  state: ConnectionState = { kind: "connecting" };
  /** Whether a moment of the past is shown. */
  isReplaying = false;
  #recording: Recording | null = null;
  #isFile = false;
  #listeners = new Set<Listener>();
  #connection: Connection | null = null;
  #frame = 0;
  #grace: ReturnType<typeof setTimeout> | undefined;
  readonly #follower = new Follower(this.run);

  constructor(
    private readonly model: Model,
    readonly executionId: string,
  ) {
    const workflow = model.get("workflow");
    this.run.id = executionId;
    if (typeof workflow === "string") this.run.workflow = workflow;
    this.run.history = decodeHistory(model.get("history"));
    const file = model.get("recording");
    if (isObject(file)) this.#open(file);
  }

  /** Add a view; the returned function removes it. */
  join(listener: Listener): () => void {
    clearTimeout(this.#grace);
    this.#listeners.add(listener);
    if (!this.#isFile) this.#connection ??= new Connection(this.model, this.executionId, this.#sink, (ms) => this.clock.answered(ms));
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.#grace = setTimeout(() => this.close(), GRACE_MS);
    };
  }

  /** Call `ended` for each final state that is the present, `refused` when the server refuses; the returned function stops that. */
  watch({ ended, refused }: Watcher): () => void {
    let seen = -1;
    const changed = (): void => {
      const { run } = this;
      if (this.isReplaying || run.seq === seen || !isFinalExecution(run.status)) return;
      seen = run.seq;
      ended?.(run.seq, run.epoch);
    };
    const connection = (state: ConnectionState): void => {
      if (state.kind === "refused") refused?.();
    };
    return this.join({ changed, connection, said: () => {}, rewound: () => {} });
  }

  /** The server's REST interface, while the page talks to the server itself. */
  get rest(): Rest | null {
    return this.#connection?.rest ?? null;
  }

  /** Whether there is somebody to command and to ask about the present. */
  get canAsk(): boolean {
    return this.#connection?.canAsk === true && !this.isReplaying;
  }

  /** Whether this is a file of its own, with nothing to command or ask. */
  get isFile(): boolean {
    return this.#isFile;
  }

  /** Tell now what waits for the next frame. */
  flush(): void {
    if (this.#frame === 0) return;
    cancelAnimationFrame(this.#frame);
    this.#tell();
  }

  // -- the past -------------------------------------------------------------------------------------

  /** What is known of earlier executions. */
  get history(): History {
    return this.run.history;
  }

  /** Whether the events can be had. */
  get canReplay(): boolean {
    return this.#recording !== null || this.canAsk;
  }

  /** Make ready for `seek`; rejects with the reason where the events cannot be had. */
  async record(): Promise<void> {
    if (this.#recording !== null) return;
    const recording = new Recording(this.#origin(this.run.epoch, this.run.created));
    for (let asked = this.run.seq; recording.lastSeq < asked; asked = this.run.seq) {
      const before = recording.lastSeq;
      recording.append(await this.#events(before));
      if (recording.lastSeq === before) break;
    }
    this.#recording = recording;
  }

  /** From when to when there is something to see, in the server's ms. */
  get span(): readonly [number, number] {
    return this.#recording?.span ?? [this.run.created, this.run.created];
  }

  /** Show the moment `time`; after `record`. */
  seek(time: number): void {
    const recording = this.#recording;
    if (recording === null) return;
    if (!this.isReplaying) recording.forget();
    this.isReplaying = true;
    const { said, rewound } = recording.seek(this.run, time);
    this.clock.start();
    this.clock.stop(time);
    if (rewound) for (const listener of this.#listeners) listener.rewound();
    else for (const event of said) for (const listener of this.#listeners) listener.said(event);
    this.#plan();
  }

  /** Show the present again. */
  present(): void {
    const recording = this.#recording;
    if (!this.isReplaying || recording === null) return;
    this.isReplaying = false;
    recording.finish(this.run);
    if (!this.#isFile) {
      if (recording.isBroken) {
        this.run.epoch = "";
        this.run.seq = 0;
      }
      this.#recording = null;
      this.#connection?.resync();
    }
    this.#seen();
    for (const listener of this.#listeners) listener.rewound();
    this.#plan();
  }

  #origin(epoch: string, created: number): Snapshot {
    const at = formatTime(created) ?? "1970-01-01T00:00:00Z";
    return { id: this.executionId, workflow: this.run.workflow, status: "pending", epoch, seq: 0, created: at, counts: {} };
  }

  /** Show what a file holds, from its last moment on. */
  #open(file: Readonly<Record<string, unknown>>): void {
    const events = decodeEvents(file["events"]);
    this.#recording = new Recording(this.#origin(String(file["epoch"] ?? ""), parseTime(String(file["created"]))));
    this.#recording.append(events);
    this.#recording.finish(this.run);
    for (const event of events) this.attempts.apply(event);
    this.#isFile = true;
    this.state = { kind: "saved" };
    this.#seen();
  }

  // -- asking and telling ---------------------------------------------------------------------------

  /** Try to reconnect now. */
  nudge(): void {
    this.#connection?.nudge();
  }

  /** Ask, or give a command; rejects with the reason when it was refused. */
  async ask(method: Question, params: Params = {}): Promise<Fields> {
    if (this.#connection === null) throw new Error("there is no connection");
    const answer = await this.#connection.ask(method, params);
    return isObject(answer) ? answer : {};
  }

  async #events(after: number): Promise<readonly Incoming[]> {
    return decodeEvents((await this.ask("events", { after, limit: PAGE }))["events"]);
  }

  /** What a task printed or displayed up to the moment that is shown, where that is a recording; else null. */
  recorded(task: string, type: Said["type"]): readonly Said[] | null {
    const recording = this.isReplaying || this.#isFile ? this.#recording : null;
    return recording?.said(task, type, this.run.seq) ?? null;
  }

  /** All that a task displayed. */
  async outputs(task: string): Promise<readonly unknown[]> {
    const recorded = this.recorded(task, "task.output");
    if (recorded !== null) return recorded;
    const found: unknown[] = [];
    for (let after = 0; ; ) {
      const answer = await this.ask("outputs", { task, after });
      if (Array.isArray(answer["outputs"])) found.push(...answer["outputs"]);
      const last = found.at(-1);
      if (answer["more"] !== true || !isObject(last)) return found;
      after = Number(last["seq"]);
    }
  }

  /** Learn what is usual for these tasks, where somebody can be asked. */
  async loadHistory(): Promise<void> {
    const answer = await this.ask("history").catch(() => null);
    if (!isObject(answer)) return;
    this.run.history = decodeHistory(answer);
    this.#plan();
  }

  /** What tasks used, by key, as far as it was asked for. */
  usages: ReadonlyMap<string, Usage> = new Map();

  /** Learn what the tasks that ended have used, where somebody can be asked. */
  async loadUsages(): Promise<void> {
    const rows = this.canAsk ? (await this.ask("usage").catch(() => ({}) as Fields))["tasks"] : null;
    if (!Array.isArray(rows)) return;
    const number = (value: unknown): number => (typeof value === "number" ? value : Number.NaN);
    this.usages = new Map(rows.filter(isObject).map(({ task, cpu, memory }) => [String(task), { cpu: number(cpu), memory: number(memory) }]));
  }

  /** Learn of attempts from before this page opened, where some task had several and somebody can be asked. */
  async loadAttempts(): Promise<void> {
    const { tasks } = this.run;
    const unknown = (row: number): boolean => tasks.attempts[row]! > 1 && this.attempts.of(tasks.keys[row]!).length < tasks.attempts[row]!;
    if (!tasks.keys.some((_, row) => unknown(row))) return;
    const asked = this.run.seq;
    for (let after = 0; after < asked; ) {
      const events = await this.#events(after).catch(() => []);
      const last = events.at(-1);
      if (last === undefined || last.seq <= after) return;
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
    cursor: () => ({ seq: this.isReplaying ? (this.#recording?.lastSeq ?? 0) : this.run.seq, epoch: this.#follower.cursor().epoch }),
    snapshot: (snapshot) => this.#load(snapshot),
    events: (events, fresh) => this.#apply(events, fresh),
    state: (state) => this.#enter(state),
  };

  #load(snapshot: Snapshot): void {
    if (this.isReplaying && this.#recording !== null) {
      // what lies between is missing: the present comes anew when the replay ends
      this.#recording.isBroken ||= snapshot.seq > this.#recording.lastSeq;
      return;
    }
    const other = snapshot.epoch !== this.run.epoch;
    if (!this.#follower.load(snapshot)) return;
    if (other) this.tails.clear();
    this.#seen();
    this.#plan();
  }

  #apply(events: readonly Incoming[], fresh: boolean): void {
    if (this.isReplaying) {
      this.#recording?.append(events);
      for (const event of events) this.attempts.apply(event);
      return;
    }
    const whole = this.#follower.take(events, (event) => {
      this.attempts.apply(event);
      if (event.type === "task.log" || event.type === "task.output") {
        this.tails.add(event);
        for (const listener of this.#listeners) listener.said(event);
      }
    });
    if (!whole) this.#connection?.resync();
    const last = events.at(-1);
    if (last !== undefined && last.type !== "unknown") this.clock.happened(parseTime(last.time), fresh);
    this.#seen();
    this.#plan();
  }

  #enter(state: ConnectionState): void {
    this.state = state;
    if (!this.isReplaying && (state.kind === "live" || state.kind === "delayed")) this.clock.start();
    if (this.canAsk && this.history.executions === 0) void this.loadHistory();
    this.#seen();
    for (const listener of this.#listeners) listener.connection(state);
    this.#plan();
  }

  /** The clock stands still where nothing says that time has passed in the execution. */
  #seen(): void {
    const { run, clock, state } = this;
    if (this.isReplaying) return;
    clock.start();
    if (isFinalExecution(run.status)) clock.stop(run.ended);
    else if (state.kind === "saved" || state.kind === "refused") clock.stop(lastTime(run));
    else if (state.kind === "waiting" || state.kind === "gone") clock.stop(clock.now() - (Date.now() - state.since));
  }

  #plan(): void {
    if (this.#frame !== 0) return;
    this.#frame = requestAnimationFrame(() => this.#tell());
  }

  #tell(): void {
    this.#frame = 0;
    const changes = this.run.changes();
    for (const listener of this.#listeners) listener.changed(changes);
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
