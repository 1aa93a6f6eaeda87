// Which way the truth comes: the page's own server if it is the one that runs the execution, else the
// kernel, else what was saved. Decided by identity, not by whether something can be reached.
import { channel, type Channel, type Subscriber } from "./channel.ts";
import { decodeEvents, decodeSnapshot, isObject, type Incoming } from "./decode.ts";
import { Greeting } from "./greeting.ts";
import { executionPath, LOG_IN, notReady, pageConfig, RequestError, Rest, type Hello } from "./page.ts";
import { Relay, type Model } from "./relay.ts";
import type { Pause } from "./retry.ts";
import type { Command, Sink, Source } from "./source.ts";

/** The connection of one execution; `rest` is there while the page talks to the server itself. */
export class Connection implements Source {
  rest: Rest | null = null;
  #source: Source | null = null;
  #relay: Relay | null = null;
  #greeting: Greeting | null = null;
  #channel: Channel | null = null;

  constructor(
    private readonly model: Model,
    private readonly executionId: string,
    private readonly sink: Sink,
    private readonly clockOffset: (ms: number) => void,
  ) {
    const snapshot = decodeSnapshot(model.get("snapshot"));
    if (snapshot !== null && snapshot.id === executionId) sink.snapshot(snapshot);
    this.#choose();
  }

  nudge(): void {
    if (this.#source !== null) this.#source.nudge();
    else this.#greeting?.nudge();
  }

  resync(): void {
    this.#source?.resync();
  }

  /** Give a command; rejects with the reason when it was refused. */
  async command(command: Command): Promise<void> {
    if (this.#channel?.isLive) await this.#channel.request(command, { execution_id: this.executionId });
    else if (this.rest !== null) await this.rest.post(executionPath(this.executionId, command));
    else if (this.#relay !== null) this.#relay.command(command);
    else throw new RequestError(0, "there is no connection");
  }

  /** The list named `field` of a task's `logs` or `outputs`; null when only the kernel could tell. */
  async taskList(key: string, what: "logs" | "outputs"): Promise<readonly unknown[] | null> {
    if (this.rest === null) return null;
    const body = await this.rest.get(executionPath(this.executionId, "tasks", key, what));
    return isObject(body) && Array.isArray(body[what]) ? body[what] : [];
  }

  /** A page of the events after `after`; null when only the kernel could tell. */
  async events(after: number): Promise<readonly Incoming[] | null> {
    if (this.rest === null) return null;
    const body = await this.rest.get(`${executionPath(this.executionId, "events")}?after=${after}`);
    return isObject(body) ? decodeEvents(body["events"]) : [];
  }

  close(): void {
    this.#greeting?.close();
    this.#source?.close();
  }

  #choose(): void {
    const config = pageConfig();
    const serverId = this.model.get("server_id");
    if (config === null || typeof serverId !== "string" || serverId === "") return this.#useRelay();
    const rest = new Rest(config);
    this.#greeting = new Greeting(rest, {
      hello: (hello) => this.#met(rest, hello, serverId),
      absent: () => this.#useRelay(),
      failed: (status, pause) => this.#unreachable(status, pause),
    });
  }

  #met(rest: Rest, hello: Hello, serverId: string): void {
    // a server that was restarted has a new id and the same data
    const same = hello.serverId === serverId || (hello.epoch !== "" && hello.epoch === this.sink.cursor().epoch);
    if (!same) return this.#useRelay();
    if (hello.clockOffset !== null) this.clockOffset(hello.clockOffset);
    if (!hello.ready) this.sink.state({ kind: "refused", reason: notReady(hello) });
    else this.#useServer(rest);
  }

  #unreachable(status: number, pause: Pause): void {
    if (status === 401 || status === 403) this.sink.state({ kind: "refused", reason: LOG_IN });
    else if (status === 0 || status >= 500) this.sink.state({ kind: "waiting", ...pause });
  }

  #useRelay(): void {
    this.#relay = new Relay(this.model, this.executionId, this.sink);
    this.#source = this.#relay;
  }

  #useServer(rest: Rest): void {
    this.rest = rest;
    this.#channel = channel(rest.socketUrl(), rest);
    this.#source = attach(this.#channel, { executionId: this.executionId, ...bound(this.sink) });
  }
}

function attach(shared: Channel, subscriber: Subscriber): Source {
  const leave = shared.join(subscriber);
  return { nudge: () => shared.nudge(), resync: () => shared.resync(subscriber), close: leave };
}

function bound(sink: Sink): Omit<Subscriber, "executionId"> {
  return {
    cursor: () => sink.cursor(),
    snapshot: (snapshot) => sink.snapshot(snapshot),
    events: (events, fresh) => sink.events(events, fresh),
    state: (state) => sink.state(state),
  };
}
