// One WebSocket per page and server, shared by every view, JSON-RPC 2.0, reconnecting for ever.
import { decodeEvents, decodeSnapshot, isObject, parseJson, type Incoming } from "./decode.ts";
import type { Snapshot } from "./messages.gen.ts";
import { backoff, type ConnectionState } from "./source.ts";

/** One listener of one execution, or of all (`"*"`: workflow-level events only). */
export interface Subscriber {
  readonly executionId: string;
  cursor(): { readonly seq: number; readonly epoch: string };
  snapshot(snapshot: Snapshot): void;
  events(events: readonly Incoming[], fresh: boolean, executionId: string): void;
  state(state: ConnectionState): void;
}

const SILENCE_MS = 25_000;
const CHECK_MS = 2_500;
const GRACE_MS = 2_000;
const OPEN = 1;
/** Events that come this soon after subscribing may be old: they tell nothing about the server's clock. */
const CATCH_UP_MS = 1_500;
const NOT_FOUND = -32001;
const FORBIDDEN = -32002;

/** Made before each try but the first: rejects with a reason when trying again cannot help. */
export type Probe = () => Promise<string | null>;

/** The socket of one server. `leave` of the last subscriber closes it after a grace of 2 s. */
export class Channel {
  #subscribers = new Set<Subscriber>();
  #socket: WebSocket | null = null;
  #state: ConnectionState = { kind: "connecting" };
  #attempt = 0;
  #lostAt = 0;
  #heardAt = 0;
  #silence = SILENCE_MS;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #grace: ReturnType<typeof setTimeout> | undefined;
  #check: ReturnType<typeof setInterval> | undefined;
  #nextId = 1;
  #pending = new Map<number, Subscriber>();
  #subscribedAt = new Map<Subscriber, number>();
  #wake = (): void => this.nudge();
  #shown = (): void => {
    if (document.visibilityState === "visible") this.nudge();
  };

  constructor(
    readonly url: string,
    private readonly probe: Probe,
    private readonly closed: () => void,
  ) {}

  /** Add a subscriber; the returned function removes it. */
  join(subscriber: Subscriber): () => void {
    clearTimeout(this.#grace);
    this.#subscribers.add(subscriber);
    if (this.#socket?.readyState === OPEN) this.resync(subscriber);
    else if (this.#socket === null && this.#retry === undefined) this.#start();
    subscriber.state(this.#state);
    return () => this.#leave(subscriber);
  }

  /** Ask for what comes after the subscriber's cursor. */
  resync(subscriber: Subscriber): void {
    if (this.#socket?.readyState !== OPEN) return;
    for (const [id, waiting] of this.#pending) if (waiting === subscriber) this.#pending.delete(id);
    const { seq, epoch } = subscriber.cursor();
    const from = epoch && subscriber.executionId !== "*" ? { after: seq, epoch } : {};
    const id = this.#send("subscribe", { execution_id: subscriber.executionId, ...from });
    this.#pending.set(id, subscriber);
  }

  /** Reconnect now if the connection is lost, or silent for longer than a heartbeat allows. */
  nudge(): void {
    if (this.#retry !== undefined) {
      clearTimeout(this.#retry);
      this.#retry = undefined;
      this.#open();
    } else this.#listenForSilence();
  }

  #leave(subscriber: Subscriber): void {
    if (!this.#subscribers.delete(subscriber)) return;
    this.#subscribedAt.delete(subscriber);
    for (const [id, waiting] of this.#pending) if (waiting === subscriber) this.#pending.delete(id);
    const last = ![...this.#subscribers].some((other) => other.executionId === subscriber.executionId);
    if (last && this.#socket?.readyState === OPEN) {
      this.#send("unsubscribe", { execution_id: subscriber.executionId });
    }
    if (this.#subscribers.size === 0) this.#grace = setTimeout(() => this.#end(), GRACE_MS);
  }

  #start(): void {
    window.addEventListener("online", this.#wake);
    document.addEventListener("visibilitychange", this.#shown);
    this.#check = setInterval(() => this.#listenForSilence(), CHECK_MS);
    this.#open();
  }

  #end(): void {
    window.removeEventListener("online", this.#wake);
    document.removeEventListener("visibilitychange", this.#shown);
    clearInterval(this.#check);
    clearTimeout(this.#retry);
    this.#retry = undefined;
    this.#detach();
    this.closed();
  }

  #open(): void {
    let socket: WebSocket;
    try {
      socket = new WebSocket(this.url);
    } catch {
      this.#lost();
      return;
    }
    this.#socket = socket;
    this.#heardAt = Date.now();
    socket.onopen = () => {
      this.#heardAt = Date.now();
      for (const subscriber of this.#subscribers) this.resync(subscriber);
    };
    socket.onmessage = (message) => this.#receive(message.data);
    socket.onclose = () => {
      if (this.#socket === socket) this.#lost();
    };
  }

  #lost(): void {
    this.#detach();
    this.#pending.clear();
    this.#subscribedAt.clear();
    this.#lostAt ||= Date.now();
    const wait = backoff(this.#attempt++);
    this.#announce({ kind: "waiting", since: this.#lostAt, retryAt: Date.now() + wait });
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.#open();
    }, wait);
    if (this.#attempt > 1) this.#ask();
  }

  /** A socket does not tell why it was refused; the REST interface does. */
  #ask(): void {
    const lostAt = this.#lostAt;
    this.probe().then(
      (reason) => {
        if (reason !== null && this.#lostAt === lostAt) this.#announce({ kind: "refused", reason });
      },
      () => undefined,
    );
  }

  #detach(): void {
    const socket = this.#socket;
    this.#socket = null;
    if (socket === null) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  #listenForSilence(): void {
    if (this.#socket !== null && Date.now() - this.#heardAt > this.#silence) this.#lost();
  }

  #send(method: string, params: Readonly<Record<string, unknown>>): number {
    const id = this.#nextId++;
    this.#socket?.send(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
    return id;
  }

  #receive(data: unknown): void {
    this.#heardAt = Date.now();
    const message = typeof data === "string" ? parseJson(data) : undefined;
    if (!isObject(message)) return;
    const params = isObject(message["params"]) ? message["params"] : {};
    switch (message["method"]) {
      case undefined:
        this.#answer(message);
        break;
      case "hello":
        if (typeof params["heartbeat"] === "number") this.#silence = Math.max(SILENCE_MS, params["heartbeat"] * 2500);
        break;
      case "events":
        this.#events(String(params["execution_id"]), decodeEvents(params["events"]));
        break;
      case "snapshot": {
        const snapshot = decodeSnapshot(params["snapshot"]);
        for (const subscriber of this.#of(String(params["execution_id"]))) if (snapshot) subscriber.snapshot(snapshot);
        break;
      }
    }
  }

  #events(executionId: string, events: readonly Incoming[]): void {
    const waiting = new Set(this.#pending.values());
    for (const subscriber of [...this.#of(executionId), ...this.#of("*")]) {
      const since = this.#subscribedAt.get(subscriber) ?? Number.POSITIVE_INFINITY;
      if (!waiting.has(subscriber)) subscriber.events(events, Date.now() - since > CATCH_UP_MS, executionId);
    }
  }

  #answer(message: Readonly<Record<string, unknown>>): void {
    const id = message["id"] as number;
    const subscriber = this.#pending.get(id);
    if (subscriber === undefined) return;
    this.#pending.delete(id);
    if (isObject(message["error"])) {
      this.#refused(subscriber, message["error"]);
      return;
    }
    this.#attempt = 0;
    this.#lostAt = 0;
    this.#subscribedAt.set(subscriber, Date.now());
    const snapshot = isObject(message["result"]) ? decodeSnapshot(message["result"]["snapshot"]) : null;
    if (snapshot !== null) subscriber.snapshot(snapshot);
    this.#state = { kind: "live" };
    subscriber.state(this.#state);
  }

  #refused(subscriber: Subscriber, error: Readonly<Record<string, unknown>>): void {
    const final = error["code"] === NOT_FOUND || error["code"] === FORBIDDEN;
    const reason = typeof error["message"] === "string" ? error["message"] : "the server refused";
    if (final) subscriber.state({ kind: "refused", reason });
    else this.#lost();
  }

  #of(executionId: string): Subscriber[] {
    return [...this.#subscribers].filter((subscriber) => subscriber.executionId === executionId);
  }

  #announce(state: ConnectionState): void {
    this.#state = state;
    for (const subscriber of this.#subscribers) subscriber.state(state);
  }
}

const REGISTRY = Symbol.for("wf_jupyter.connections.v1");

/** The page's channel to `url`: the bundle is loaded once per widget, the socket is not. */
export function channel(url: string, probe: Probe): Channel {
  const globals = globalThis as { [REGISTRY]?: Map<string, Channel> };
  const all = (globals[REGISTRY] ??= new Map<string, Channel>());
  let found = all.get(url);
  if (found === undefined) {
    found = new Channel(url, probe, () => all.delete(url));
    all.set(url, found);
  }
  return found;
}
