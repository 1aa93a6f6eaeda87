// Which way the truth comes: the page's own server if it is the one that runs the execution, else the
// kernel, else what was saved. Decided by identity, not by whether something can be reached.
import { channel, type Channel, type Subscriber } from "./channel.ts";
import { decodeSnapshot } from "./decode.ts";
import { Greeting } from "./hello-handshake.ts";
import { Heir } from "./takeover-probe.ts";
import { OPERATIONS } from "./messages.gen.ts";
import { operationPath, notReady, pageConfig, refusal, RequestError, Rest, type Hello } from "./page.ts";
import { Relay, type Model } from "./relay.ts";
import type { Pause } from "./retry.ts";
import type { ConnectionState, Params, Question, Sink, Source } from "./source.ts";

/** The connection of one execution; `rest` is there while the page talks to the server itself. */
export class Connection implements Source {
  rest: Rest | null = null;
  #source: Source | null = null;
  #relay: Relay | null = null;
  #greeting: Greeting | null = null;
  #heir: Heir | null = null;
  #channel: Channel | null = null;
  /** Stands in while the server refuses this page. */
  #fallback: Relay | null = null;
  /** Why it does, in the words of the last refusal. */
  #why = "";

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

  /** Whether somebody is there to be asked. */
  get canAsk(): boolean {
    return this.rest !== null || this.#relay?.isThere === true || this.#fallback?.isThere === true;
  }

  /** Ask, or give a command; rejects with the reason when it was refused. */
  async ask(method: Question, params: Params = {}): Promise<unknown> {
    const { executionId, rest } = this;
    if (this.#fallback?.isThere) return this.#fallback.ask(method, params);
    if (this.#relay !== null) return this.#relay.ask(method, params);
    if (rest === null) throw new RequestError(0, "there is no connection");
    const { verb, path } = OPERATIONS[method];
    if (verb === "get") {
      const { task, ...query } = params;
      return rest.get(operationPath(path, { execution_id: executionId, key: task ?? "" }, query));
    }
    if (this.#channel?.isLive && method !== "rerun") return this.#channel.request(method, { execution_id: executionId, ...params });
    return rest.post(operationPath(path, { execution_id: executionId }), params);
  }

  close(): void {
    this.#heir?.close();
    this.#greeting?.close();
    this.#source?.close();
    this.#endFallback();
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
    const same = hello.serverId === serverId || (hello.epoch !== "" && isWithin(this.sink.cursor().epoch, hello.epoch));
    this.#endFallback();
    if (!same) return this.#useRelay();
    if (hello.clockOffset !== null) this.clockOffset(hello.clockOffset);
    if (!hello.ready) this.sink.state({ kind: "refused", reason: notReady(hello) });
    else this.#useServer(rest);
  }

  #unreachable(status: number, pause: Pause): void {
    const reason = refusal(status);
    if (reason !== null) this.#fallBack(reason);
    else if (status === 0 || status >= 500) this.sink.state({ kind: "waiting", ...pause });
  }

  #useRelay(): void {
    const state = (state: ConnectionState): void => {
      this.sink.state(state);
      this.#bereft(state.kind === "gone" || state.kind === "saved");
    };
    this.#relay = new Relay(this.model, this.executionId, { ...bound(this.sink), state });
    this.#source = this.#relay;
  }

  /** The engine went with its kernel: a server with the same data goes on with the execution. */
  #bereft(isGone: boolean): void {
    this.#heir?.close();
    this.#heir = null;
    const config = pageConfig();
    if (!isGone || config === null) return;
    const rest = new Rest(config);
    const heir = (this.#heir = new Heir(rest, this.executionId, () => this.sink.cursor(), () => {
      if (this.#heir !== heir) return;
      this.close();
      this.#heir = this.#relay = null;
      this.#useServer(rest);
    }));
  }

  #useServer(rest: Rest): void {
    this.rest = rest;
    this.#channel = channel(rest.socketUrl(), rest);
    const state = (state: ConnectionState): void => {
      if (state.kind === "refused" && state.code === undefined) return this.#fallBack(state.reason);
      if (state.kind === "live" || state.kind === "delayed") this.#endFallback();
      // What the kernel tells is better than that the server is tried again.
      if (this.#fallback?.isThere !== true) this.sink.state(state);
    };
    this.#source = attach(this.#channel, { executionId: this.executionId, ...bound(this.sink), state });
  }

  /** The server knows this page no more. It is tried again and again; meanwhile the kernel tells, where there is one. */
  #fallBack(why: string): void {
    this.#why = why;
    if (this.#fallback?.isThere) return;
    this.sink.state({ kind: "refused", reason: why });
    if (this.#fallback !== null || this.model.send === undefined) return;
    const state = (state: ConnectionState): void => {
      if (state.kind === "delayed") this.sink.state({ ...state, why: this.#why });
      else if (state.kind === "gone") this.sink.state({ kind: "refused", reason: this.#why });
    };
    this.#fallback = new Relay(this.model, this.executionId, { ...bound(this.sink), state });
  }

  #endFallback(): void {
    this.#fallback?.close();
    this.#fallback = null;
  }
}

function attach(shared: Channel, subscriber: Subscriber): Source {
  const leave = shared.join(subscriber);
  return { nudge: () => shared.nudge(), resync: () => shared.resync(subscriber), close: leave };
}

function bound(sink: Sink): Sink {
  return {
    cursor: () => sink.cursor(),
    snapshot: (snapshot) => sink.snapshot(snapshot),
    events: (events, fresh) => sink.events(events, fresh),
    state: (state) => sink.state(state),
  };
}

/** Whether a log with such an epoch is in that data directory: its name, then a dot and the log's own. */
function isWithin(epoch: string, directory: string): boolean {
  return epoch === directory || epoch.startsWith(`${directory}.`);
}
