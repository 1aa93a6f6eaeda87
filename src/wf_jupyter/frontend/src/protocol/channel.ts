// One WebSocket per page and server, shared by every view and client: it resumes where it was cut,
// reconnects for ever, and asks over HTTP where no WebSocket gets through.
import type { Fallback, Verdict } from "./asked.ts";
import { decodeEvents, decodeSnapshot, isObject, type Fields, type Incoming } from "./decode.ts";
import { Poller } from "./poller.ts";
import { onWake, Retry } from "./retry.ts";
import { CODES, RpcError, Socket } from "./socket.ts";
import type { ConnectionState } from "./source.ts";
import type { Subscriber } from "./subscriber.ts";

export type { Subscriber } from "./subscriber.ts";

const GRACE_MS = 2_000;
/** Events that come this soon after subscribing may be old: they tell nothing about the server's clock. */
const CATCH_UP_MS = 1_500;
/** Where WebSockets are blocked, they are tried again this much less often. */
const BLOCKED_MS = 20_000;
const FINAL: readonly number[] = [CODES.notFound, CODES.forbidden, CODES.tooLarge, CODES.invalidParams];

/** The socket of one server. `leave` of the last one closes it after a grace of 2 s. */
export class Channel {
  /** The data directory that the server told of last. */
  epoch = "";
  #subscribers = new Set<Subscriber>();
  #watchers = new Set<(state: ConnectionState) => void>();
  #socket: Socket | null = null;
  #poller: Poller | null = null;
  #state: ConnectionState = { kind: "connecting" };
  /** Until when it was waited last. */
  #waiting: ConnectionState = { kind: "connecting" };
  #isAsking = false;
  #heard = false;
  #retry = new Retry(() => this.#open());
  #grace: ReturnType<typeof setTimeout> | undefined;
  #sleep: (() => void) | null = null;
  #pending = new Map<Subscriber, () => void>();
  #subscribedAt = new Map<Subscriber, number>();

  constructor(
    readonly url: string,
    private readonly server: Fallback,
    private readonly closed: () => void,
  ) {}

  /** Whether requests can be sent. */
  get isOpen(): boolean {
    return this.#socket?.isOpen === true;
  }

  /** Whether they will be answered, as far as one can know. */
  get isLive(): boolean {
    return this.isOpen && this.#state.kind === "live";
  }

  /** Add a subscriber; the returned function removes it. */
  join(subscriber: Subscriber): () => void {
    this.#subscribers.add(subscriber);
    subscriber.state(this.#state);
    this.#start();
    if (this.isOpen) this.resync(subscriber);
    else this.#poller?.wake(subscriber);
    return () => this.#leave(subscriber);
  }

  /** Keep the channel open and hear how it is; the returned function ends that. */
  watch(watcher: (state: ConnectionState) => void): () => void {
    this.#watchers.add(watcher);
    watcher(this.#state);
    this.#start();
    return () => {
      if (this.#watchers.delete(watcher)) this.#rest();
    };
  }

  /** Ask the server over the socket; rejects with an `RpcError`. */
  request(method: string, params: Fields): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#socket?.isOpen) this.#socket.request(method, params, resolve, reject);
      else reject(new RpcError(CODES.unavailable, "there is no connection", "not_connected"));
    });
  }

  /** Ask for what comes after the subscriber's cursor. */
  resync(subscriber: Subscriber): void {
    if (!this.#socket?.isOpen) return this.#poller?.wake(subscriber);
    this.#pending.get(subscriber)?.();
    const { seq, epoch } = subscriber.cursor();
    const from = epoch && subscriber.executionId !== "*" ? { after: seq, epoch } : {};
    const forget = this.#socket.request(
      "subscribe",
      { execution_id: subscriber.executionId, ...from },
      (result) => this.#subscribed(subscriber, seq, isObject(result) ? result : {}),
      (error) => this.#refused(subscriber, error),
    );
    this.#pending.set(subscriber, forget);
  }

  /** Reconnect now if the connection is lost, or silent for longer than a heartbeat allows. */
  nudge(): void {
    if (!this.#retry.now()) this.#socket?.listen();
  }

  #leave(subscriber: Subscriber): void {
    if (!this.#subscribers.delete(subscriber)) return;
    this.#subscribedAt.delete(subscriber);
    this.#pending.get(subscriber)?.();
    this.#pending.delete(subscriber);
    if (this.#of(subscriber.executionId).length === 0 && this.#socket?.isOpen) {
      this.#socket.request("unsubscribe", { execution_id: subscriber.executionId }, ignore, ignore);
    }
    this.#poller?.wake();
    this.#rest();
  }

  #rest(): void {
    if (this.#subscribers.size + this.#watchers.size > 0) return;
    clearTimeout(this.#grace);
    this.#grace = setTimeout(() => this.#end(), GRACE_MS);
  }

  #start(): void {
    clearTimeout(this.#grace);
    if (this.#sleep !== null) return;
    this.#sleep = onWake(() => this.nudge());
    this.#open();
  }

  #end(): void {
    this.#sleep?.();
    this.#sleep = null;
    this.#retry.stop();
    this.#socket?.close();
    this.#socket = null;
    this.#poller?.stop();
    this.#poller = null;
    this.closed();
  }

  #open(): void {
    this.#heard = false;
    this.#socket = new Socket(this.url, {
      opened: () => {
        for (const subscriber of this.#subscribers) this.resync(subscriber);
      },
      notified: (method, params) => this.#notified(method, params),
      lost: (since) => this.#lost(since),
    });
  }

  #lost(since = Date.now()): void {
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
    this.#pending.clear();
    this.#subscribedAt.clear();
    const pause = this.#retry.failed(since, this.#poller === null ? 0 : BLOCKED_MS);
    if (this.#poller !== null) return;
    this.#waiting = { kind: "waiting", ...pause };
    // A refusal stands until the server says something else: it is more than that it is tried again.
    if (this.#state.kind !== "refused" || this.#heard) this.#announce(this.#waiting);
    if (!this.#heard) this.#ask();
  }

  /**
   * A socket does not tell why it did not open; the REST interface does, or takes over. One question at a time: an
   * answer may take longer than the next try, and counts as long as none succeeded.
   */
  #ask(): void {
    if (this.#isAsking) return;
    this.#isAsking = true;
    const answered = (verdict: Verdict): void => {
      this.#isAsking = false;
      const { kind } = this.#state;
      if (this.#sleep === null || this.#poller !== null || (kind !== "waiting" && kind !== "refused")) return;
      if (verdict.kind === "refused") this.#announce(verdict);
      else if (kind === "refused") this.#announce(this.#waiting);
      if (verdict.kind === "well" && !this.isOpen) this.#poll();
    };
    this.server.verdict().then(answered, () => (this.#isAsking = false));
  }

  #poll(): void {
    this.#poller = new Poller(this.server, {
      subscribers: () => [...this.#subscribers],
      current: (subscriber) => {
        this.#reached({ kind: "delayed", by: "polling" });
        subscriber.state(this.#state);
      },
      refused: (subscriber, reason, code) => subscriber.state({ kind: "refused", reason, code }),
      failed: (since) => {
        this.#poller = null;
        this.#retry.succeeded();
        this.#announce({ kind: "waiting", ...this.#retry.failed(since) });
      },
    });
    if (this.#subscribers.size === 0) this.#reached({ kind: "delayed", by: "polling" });
  }

  #notified(method: string, params: Fields): void {
    const id = String(params["execution_id"]);
    this.#heard = true;
    if (method === "hello") {
      if (typeof params["epoch"] === "string") this.epoch = params["epoch"];
      if (this.#subscribers.size === 0) this.#live();
    } else if (method === "events") {
      this.#events(id, params["subscription"] === "*", decodeEvents(params["events"]));
    } else if (method === "snapshot") {
      const snapshot = decodeSnapshot(params["snapshot"]);
      for (const subscriber of this.#of(id)) {
        if (snapshot !== null) subscriber.snapshot(snapshot);
        else subscriber.changed?.();
      }
    }
  }

  #events(executionId: string, ofAll: boolean, events: readonly Incoming[]): void {
    for (const subscriber of this.#of(ofAll ? "*" : executionId)) {
      const since = this.#subscribedAt.get(subscriber) ?? Number.POSITIVE_INFINITY;
      if (!this.#pending.has(subscriber)) subscriber.events(events, Date.now() - since > CATCH_UP_MS, executionId);
    }
  }

  #subscribed(subscriber: Subscriber, after: number, result: Fields): void {
    this.#heard = true;
    this.#pending.delete(subscriber);
    this.#subscribedAt.set(subscriber, Date.now());
    const snapshot = decodeSnapshot(result["snapshot"]);
    if (snapshot !== null) subscriber.snapshot(snapshot);
    this.#live();
    subscriber.state(this.#state);
    if (subscriber.executionId === "*") return subscriber.changed?.();
    // the server keeps one subscription for them all, and what came between the old and the new one
    // went to nobody
    for (const other of this.#of(subscriber.executionId)) {
      if (other === subscriber || this.#pending.has(other)) continue;
      if (snapshot !== null) other.snapshot(snapshot);
      else if (other.cursor().seq < after) this.resync(other);
    }
  }

  #refused(subscriber: Subscriber, error: RpcError): void {
    this.#pending.delete(subscriber);
    if (FINAL.includes(error.code)) subscriber.state({ kind: "refused", reason: error.message, code: error.code });
    // a lost connection is told to everybody elsewhere
    else if (this.#socket?.isOpen) this.#lost();
  }

  #of(executionId: string): Subscriber[] {
    return [...this.#subscribers].filter((subscriber) => subscriber.executionId === executionId);
  }

  #live(): void {
    this.#poller?.stop();
    this.#poller = null;
    this.#reached({ kind: "live" });
  }

  /** Subscribers hear of it one by one, when they have what they miss; watchers at once. */
  #reached(state: ConnectionState): void {
    if (state.kind === "live") this.#retry.succeeded();
    if (this.#state.kind === state.kind) return;
    this.#state = state;
    for (const watcher of this.#watchers) watcher(state);
  }

  #announce(state: ConnectionState): void {
    this.#state = state;
    for (const subscriber of this.#subscribers) subscriber.state(state);
    for (const watcher of this.#watchers) watcher(state);
  }
}

function ignore(): void {}

const REGISTRY = Symbol.for("wf_jupyter.connections.v2");

/** The page's channel to `url`: a bundle is loaded once per widget, the socket is not. */
export function channel(url: string, server: Fallback): Channel {
  const globals = globalThis as { [REGISTRY]?: Map<string, Channel> };
  const all = (globals[REGISTRY] ??= new Map<string, Channel>());
  let found = all.get(url);
  if (found === undefined) {
    found = new Channel(url, server, () => all.delete(url));
    all.set(url, found);
  }
  return found;
}
