// The way around a WebSocket that cannot be had: asking for new events, over plain HTTP.
//
// A browser opens few connections to one host, and a request that waits holds one of them. So one
// request waits while one execution is followed; with more of them, all are asked in turn.
import type { Asked } from "./asked.ts";
import { decodeEvents, decodeSnapshot, isObject } from "./decode.ts";
import { OPERATIONS } from "./messages.gen.ts";
import { operationPath, RequestError } from "./page.ts";
import { CODES } from "./socket.ts";
import { FINAL } from "./source.ts";
import type { Subscriber } from "./subscriber.ts";

/** How asking goes. */
export interface PollerUser {
  subscribers(): readonly Subscriber[];
  /** This subscriber knows all there is. */
  current(subscriber: Subscriber): void;
  refused(subscriber: Subscriber, reason: string, code: number): void;
  /** The server cannot be asked any more since then; the poller has stopped. */
  failed(since: number): void;
}

/** So long a question may wait for news at first; halved whenever something on the way cut it short. */
const WAIT_S = 15;
/** A request that failed sooner was not cut for having waited. */
const CUT_MS = 1_000;
/** What is answered, or not, by something that has no patience: a connection that closed, a gateway that gave up. */
const CUTS: readonly number[] = [0, 502, 504];
/** An answer that is this late will not come: with the wait, a dead peer is noticed within 25 s. */
const LATE_MS = 10_000;
const PAUSE_MS = 1_000;
/** Between two waiting requests: events gather meanwhile and share an answer. */
const BREATH_MS = 100;
const IDLE_MS = 10_000;
const PAGE = 1000;
const ALL = "*";

/** Asks until it is stopped or fails. */
export class Poller {
  #stopped = false;
  #ended = new Set<string>();
  #refused = new Set<Subscriber>();
  #current = new WeakSet<Subscriber>();
  #answeredAt = Date.now();
  #news = false;
  #wait = WAIT_S;
  #asking: AbortController | null = null;
  #pausing: (() => void) | null = null;

  constructor(
    private readonly rest: Asked,
    private readonly user: PollerUser,
  ) {
    void this.#serve();
  }

  /** Look at the subscribers again: one came, went, or needs something. */
  wake(subscriber?: Subscriber): void {
    if (subscriber) {
      this.#refused.delete(subscriber);
      this.#current.delete(subscriber);
      this.#ended.delete(subscriber.executionId);
    }
    this.#asking?.abort();
    this.#pausing?.();
  }

  /** Ask no more. */
  stop(): void {
    this.#stopped = true;
    this.wake();
  }

  async #serve(): Promise<void> {
    while (!this.#stopped) {
      const followed = this.#followed();
      const running = [...followed.keys()].filter((id) => id !== ALL && !this.#ended.has(id));
      const canWait = followed.size === 1 && running.length === 1 && this.#wait > 0;
      const asked = Date.now();
      this.#news = false;
      try {
        if (followed.size === 0) await this.#get("hello", 0);
        for (const [id, subscribers] of followed) {
          if (id === ALL) subscribers.forEach((subscriber) => this.#listChanged(subscriber));
          else await this.#ask(id, subscribers, canWait ? this.#wait : 0);
        }
      } catch (error) {
        if (this.#stopped) return;
        if (canWait && isCut(error, asked)) {
          this.#wait = Math.floor(this.#wait / 2);
          continue;
        }
        if (!(error instanceof Interrupted)) {
          this.#stopped = true;
          this.user.failed(this.#answeredAt);
          return;
        }
      }
      if (canWait && (this.#news || Date.now() - asked >= PAUSE_MS)) await this.#pause(BREATH_MS);
      else await this.#pause(running.length > 0 || followed.has(ALL) ? PAUSE_MS : IDLE_MS);
    }
  }

  #followed(): Map<string, Subscriber[]> {
    const followed = new Map<string, Subscriber[]>();
    for (const subscriber of this.user.subscribers()) {
      if (this.#refused.has(subscriber)) continue;
      const others = followed.get(subscriber.executionId);
      if (others === undefined) followed.set(subscriber.executionId, [subscriber]);
      else others.push(subscriber);
    }
    return followed;
  }

  #listChanged(subscriber: Subscriber): void {
    subscriber.changed?.();
    this.#enter(subscriber);
  }

  async #ask(id: string, subscribers: readonly Subscriber[], wait: number): Promise<void> {
    try {
      const knowing = subscribers.filter((subscriber) => subscriber.cursor().epoch !== "");
      let lost = subscribers.filter((subscriber) => !knowing.includes(subscriber));
      if (knowing.length > 0) {
        const after = Math.min(...knowing.map((subscriber) => subscriber.cursor().seq));
        const query = { after, limit: PAGE, ...(wait > 0 && lost.length === 0 && { wait }) };
        const body = await this.#get(operationPath(OPERATIONS.events.path, { execution_id: id }, query), wait);
        if (!isObject(body)) throw new RequestError(502, "the answer is not understood");
        // those that are further on are asked about when the others are as far
        const asked = knowing.filter((subscriber) => subscriber.cursor().seq === after);
        const same = asked.filter((subscriber) => subscriber.cursor().epoch === body["epoch"]);
        lost = [...lost, ...asked.filter((subscriber) => !same.includes(subscriber))];
        const events = decodeEvents(body["events"]);
        this.#news ||= events.length > 0;
        this.#note(id, events.map((event) => event.type));
        for (const subscriber of same) {
          if (events.length > 0) subscriber.events(events, false, id);
          if (events.length < PAGE) this.#enter(subscriber);
        }
      }
      if (lost.length > 0) await this.#replace(id, lost);
    } catch (error) {
      const status = error instanceof RequestError ? error.status : 0;
      if (error instanceof Interrupted || ![400, 403, 404].includes(status)) throw error;
      for (const subscriber of subscribers) {
        this.#refused.add(subscriber);
        this.user.refused(subscriber, (error as RequestError).message, status === 404 ? CODES.notFound : CODES.forbidden);
      }
    }
  }

  async #replace(id: string, subscribers: readonly Subscriber[]): Promise<void> {
    const snapshot = decodeSnapshot(await this.#get(operationPath("executions/{execution_id}", { execution_id: id }), 0));
    this.#news = true;
    if (snapshot === null) throw new RequestError(502, "the snapshot is not understood");
    this.#note(id, [FINAL.includes(snapshot.status) ? "workflow.completed" : "workflow.started"]);
    for (const subscriber of subscribers) {
      subscriber.snapshot(snapshot);
      this.#enter(subscriber);
    }
  }

  #enter(subscriber: Subscriber): void {
    if (this.#current.has(subscriber)) return;
    this.#current.add(subscriber);
    this.user.current(subscriber);
  }

  /** What has ended changes only by a retry: it is asked for less often. */
  #note(id: string, types: readonly string[]): void {
    for (const type of types) {
      if (type === "workflow.completed") this.#ended.add(id);
      else if (type === "workflow.retried" || type === "workflow.started") this.#ended.delete(id);
    }
  }

  async #get(path: string, wait: number): Promise<unknown> {
    const asking = (this.#asking = new AbortController());
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      asking.abort();
    }, wait * 1000 + LATE_MS);
    try {
      const body = await this.rest.get(path, asking.signal);
      if (this.#stopped) throw new Interrupted();
      this.#answeredAt = Date.now();
      return body;
    } catch (error) {
      if (asking.signal.aborted && !late) throw new Interrupted();
      throw error;
    } finally {
      clearTimeout(timer);
      if (this.#asking === asking) this.#asking = null;
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        this.#pausing = null;
        resolve();
      };
      const timer = setTimeout(end, ms);
      this.#pausing = end;
      if (this.#stopped) end();
    });
  }
}

/** Whether a request that waited for news since `asked` was cut by a proxy: a server that is lost fails the next one at once. */
function isCut(error: unknown, asked: number): boolean {
  return error instanceof RequestError && CUTS.includes(error.status) && Date.now() - asked >= CUT_MS;
}

class Interrupted extends Error {}
