// Which way the truth comes: the page's own server if it is the one that runs the execution, else the
// kernel, else what was saved. Decided by identity, not by whether something can be reached.
import { channel, type Channel, type Subscriber } from "./channel.ts";
import { decodeEvents, decodeSnapshot, isObject, type Incoming } from "./decode.ts";
import { executionPath, pageConfig, RequestError, Rest, type Hello } from "./page.ts";
import { Relay, type Model } from "./relay.ts";
import { backoff, type Command, type Sink, type Source } from "./source.ts";

/** The connection of one execution; `rest` is there while the page talks to the server itself. */
export class Connection implements Source {
  rest: Rest | null = null;
  #source: Source | null = null;
  #relay: Relay | null = null;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #attempt = 0;
  #lostAt = 0;
  #closed = false;

  constructor(
    private readonly model: Model,
    private readonly executionId: string,
    private readonly sink: Sink,
    private readonly clockOffset: (ms: number) => void,
  ) {
    const snapshot = decodeSnapshot(model.get("snapshot"));
    if (snapshot !== null && snapshot.id === executionId) sink.snapshot(snapshot);
    void this.#choose();
  }

  nudge(): void {
    if (this.#source !== null) this.#source.nudge();
    else if (this.#retry !== undefined) {
      clearTimeout(this.#retry);
      void this.#choose();
    }
  }

  resync(): void {
    this.#source?.resync();
  }

  /** Give a command; rejects with the reason when it was refused. */
  async command(command: Command): Promise<void> {
    if (this.rest !== null) await this.rest.post(executionPath(this.executionId, command));
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
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#source?.close();
  }

  async #choose(): Promise<void> {
    this.#retry = undefined;
    const config = pageConfig();
    const serverId = this.model.get("server_id");
    if (config === null || typeof serverId !== "string" || serverId === "") return this.#useRelay();
    const rest = new Rest(config);
    let hello: Hello;
    try {
      hello = await rest.hello();
    } catch (error) {
      if (!this.#closed) this.#unreachable(error);
      return;
    }
    if (this.#closed) return;
    // a server that was restarted has a new id and the same data
    const same = hello.serverId === serverId || (hello.epoch !== "" && hello.epoch === this.sink.cursor().epoch);
    if (!same) return this.#useRelay();
    if (hello.clockOffset !== null) this.clockOffset(hello.clockOffset);
    if (!hello.ready) this.sink.state({ kind: "refused", reason: hello.message || "the workflow service did not start" });
    else this.#useServer(rest);
  }

  #unreachable(error: unknown): void {
    const status = error instanceof RequestError ? error.status : 0;
    if (status === 404) return this.#useRelay();
    if (status === 401 || status === 403) this.sink.state({ kind: "refused", reason: "log in to the Jupyter server again" });
    this.#lostAt ||= Date.now();
    const wait = backoff(this.#attempt++) + (status === 0 ? 0 : 5_000);
    if (status === 0 || status >= 500) {
      this.sink.state({ kind: "waiting", since: this.#lostAt, retryAt: Date.now() + wait });
    }
    this.#retry = setTimeout(() => void this.#choose(), wait);
  }

  #useRelay(): void {
    if (this.#closed) return;
    this.#relay = new Relay(this.model, this.executionId, this.sink);
    this.#source = this.#relay;
  }

  #useServer(rest: Rest): void {
    this.rest = rest;
    const shared = channel(rest.socketUrl(), () => refusal(rest));
    this.#source = attach(shared, { executionId: this.executionId, ...bound(this.sink) });
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

/** Why the server does not want us, or null when it may only be away. */
async function refusal(rest: Rest): Promise<string | null> {
  try {
    const hello = await rest.hello();
    return hello.ready ? null : hello.message || "the workflow service did not start";
  } catch (error) {
    const status = error instanceof RequestError ? error.status : 0;
    if (status === 401 || status === 403) return "log in to the Jupyter server again";
    return status === 404 ? "this Jupyter server does not run workflows" : null;
  }
}
