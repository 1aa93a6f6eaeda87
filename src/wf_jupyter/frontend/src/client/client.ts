// A client for pages: starts published workflows, follows executions, and is right about both after
// every loss of the connection.
import { channel, type Channel } from "../protocol/channel.ts";
import { isObject } from "../protocol/decode.ts";
import { Greeting } from "../protocol/hello-handshake.ts";
import { OPERATIONS, type ExecutionStatus, type Snapshot, type Summary } from "../protocol/messages.gen.ts";
import { notReady, operationPath, pageConfig, refusal, RequestError, Rest, type Hello } from "../protocol/page.ts";
import { CODES, RpcError } from "../protocol/socket.ts";
import { FINAL, type Command } from "../protocol/source.ts";
import { Handlers, type ClientConnection, type ClientEventType, type Handler } from "./events.ts";
import { Gate } from "./execute.ts";
import { announce, Everything } from "./everything.ts";
import { Follow, type FollowUser } from "./follow.ts";

/** Where the server is; by default the one that the page or this script came from. */
export interface ClientOptions {
  /** The base URL of the Jupyter server, like `https://example.org/user/ada/`. */
  readonly baseUrl?: string;
  /** Only where there is no cookie: it becomes part of addresses. */
  readonly token?: string;
}

/** All that a client knows; replaced, never changed. */
export interface ClientState {
  readonly connection: ClientConnection;
  /** The followed executions of which something is known, by id. */
  readonly executions: { readonly [id: string]: Snapshot };
}

/** Which executions to list: by status or workflow, at most `limit`, those older than the one with the id `before`. */
export interface ExecutionQuery {
  readonly status?: ExecutionStatus;
  readonly workflow?: string;
  readonly limit?: number;
  readonly before?: string;
}

/** One execution for a page. `error` says why it cannot be followed. */
export interface ExecutionView {
  readonly snapshot: Snapshot | null;
  readonly connection: ClientConnection;
  readonly error: string | null;
}

type Stop = () => void;

const ALL = "*";
/** Changes gather this long before listeners of the state hear of them. */
const GATHER_MS = 16;

/** See docs/javascript-client.md. Errors of the server are `RpcError`, whichever way they came. */
export class WorkflowClient {
  readonly #rest: Rest;
  readonly #handlers = new Handlers();
  readonly #gate = new Gate();
  readonly #follows = new Map<string, Follow>();
  readonly #views = new Map<string, ExecutionView>();
  readonly #own = new Set<string>();
  readonly #listeners = new Set<() => void>();
  #connection: ClientConnection = { kind: "disconnected" };
  #state: ClientState | null = null;
  #greeting: Greeting | null = null;
  #channel: Channel | null = null;
  #unwatch: Stop | null = null;
  #epoch = "";
  #telling: ReturnType<typeof setTimeout> | undefined;

  constructor(options: ClientOptions = {}) {
    const found = pageConfig();
    const baseUrl = options.baseUrl ?? found?.baseUrl ?? ownBase() ?? "/";
    const wsUrl = options.baseUrl === undefined ? (found?.wsUrl ?? "") : "";
    this.#rest = new Rest({ baseUrl, wsUrl, token: options.token ?? (options.baseUrl === undefined ? (found?.token ?? "") : "") });
  }

  // -- connecting -----------------------------------------------------------------------------

  /** Connect, and stay so; resolves when connected, rejects when the server refuses. */
  connect(): Promise<void> {
    if (this.#connection.kind === "refused" && this.#channel === null) this.disconnect();
    if (this.#greeting === null) {
      this.#enter({ kind: "connecting" });
      this.#greeting = new Greeting(this.#rest, {
        hello: (hello) => this.#met(hello),
        absent: () => this.#enter({ kind: "refused", reason: "this Jupyter server does not run workflows" }),
        failed: (status, pause) => {
          const reason = refusal(status);
          this.#enter(reason === null ? { kind: "waiting", ...pause } : { kind: "refused", reason });
        },
      });
    }
    return this.#connected();
  }

  /** Close; what is followed is kept, and `connect` goes on where it was. */
  disconnect(): void {
    this.#greeting?.close();
    this.#greeting = null;
    for (const follow of this.#follows.values()) this.#detach(follow);
    this.#unwatch?.();
    this.#unwatch = this.#channel = null;
    this.#enter({ kind: "disconnected" });
  }

  /** Try to reconnect now. */
  nudge(): void {
    if (this.#channel !== null) this.#channel.nudge();
    else this.#greeting?.nudge();
  }

  // -- doing ----------------------------------------------------------------------------------

  /** Start the published workflow `workflow`; its id. Waits while the server limits the rate. */
  async execute(workflow: string, input: { readonly [name: string]: unknown } = {}): Promise<string> {
    const answer = await this.#gate.pass(() => this.#ask("execute", { workflow, input }, "executions"));
    const id = isObject(answer) ? answer["execution_id"] : undefined;
    if (typeof id !== "string") throw new RpcError(CODES.internal, "the server's answer is not understood");
    this.#own.add(id);
    return id;
  }

  /** Stop an execution, or one task of it. */
  async cancel(executionId: string, options: { readonly reason?: string; readonly task?: string } = {}): Promise<void> {
    await this.#command("cancel", executionId, options);
  }

  /** Run failed, skipped and cancelled tasks again. */
  async retry(executionId: string, options: { readonly task?: string | readonly string[] } = {}): Promise<void> {
    await this.#command("retry", executionId, options);
  }

  /** Start a new execution that keeps every result whose code and inputs are unchanged; its id. */
  async rerun(executionId: string): Promise<string> {
    await this.#connected();
    const answer = await this.#gate.pass(() => this.#rest.post(operationPath(OPERATIONS.rerun.path, { execution_id: executionId }), {})).catch((error: unknown) => {
      throw error instanceof RequestError ? rpcError(error) : error;
    });
    const id = isObject(answer) ? answer["id"] : undefined;
    if (typeof id !== "string") throw new RpcError(CODES.internal, "the server's answer is not understood");
    return id;
  }

  /** Start no more tasks until `resume`. */
  async pause(executionId: string): Promise<void> {
    await this.#command("pause", executionId);
  }

  /** Undo `pause`. */
  async resume(executionId: string): Promise<void> {
    await this.#command("resume", executionId);
  }

  /** Executions, newest first; the id of the last one is `before` of the next page. */
  async executions(query: ExecutionQuery = {}): Promise<readonly Summary[]> {
    const given = Object.entries(query).flatMap(([name, value]) => (value === undefined || value === "" ? [] : [[name, String(value)]]));
    try {
      const body = await this.#rest.get(`executions?${new URLSearchParams(given)}`);
      return isObject(body) && Array.isArray(body["executions"]) ? body["executions"] : [];
    } catch (error) {
      throw error instanceof RequestError ? rpcError(error) : error;
    }
  }

  // -- following ------------------------------------------------------------------------------

  /**
   * Follow an execution: one that this client started from its first event, another from its present
   * state. Resolves when something is known of it; rejects when there is no such execution. `"*"`
   * follows the workflow-level events of all executions, and resolves with null.
   */
  subscribe(executionId: "*"): Promise<null>;
  subscribe(executionId: string): Promise<Snapshot>;
  subscribe(executionId: string): Promise<Snapshot | null> {
    const follow = this.#follow(executionId);
    follow.isSubscribed = true;
    const known =
      executionId === ALL
        ? follow.until(() => (isCurrent(follow.connection) ? null : undefined))
        : follow.until(() => follow.current ?? undefined);
    return known.catch((error: unknown) => {
      this.unsubscribe(executionId);
      throw error;
    });
  }

  /** Follow it no longer. */
  unsubscribe(executionId: string): void {
    const follow = this.#follows.get(executionId);
    if (follow === undefined) return;
    follow.isSubscribed = false;
    this.#release(follow);
  }

  /** Follow an execution until the returned function is called; for parts of a page that come and go. */
  hold(executionId: string): Stop {
    const follow = this.#follow(executionId);
    follow.holders++;
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      follow.holders--;
      this.#release(follow);
    };
  }

  /** Resolves with the final state of an execution. */
  async finished(executionId: string): Promise<Snapshot> {
    const stop = this.hold(executionId);
    const follow = this.#follows.get(executionId)!;
    try {
      return await follow.until(() => (follow.current && FINAL.includes(follow.current.status) ? follow.current : undefined));
    } finally {
      stop();
    }
  }

  // -- listening ------------------------------------------------------------------------------

  /** Listen to a type of event; the returned function ends that. */
  on<T extends ClientEventType>(type: T, handler: Handler<T>): Stop {
    return this.#handlers.add(type, handler);
  }

  onWorkflowStarted(handler: Handler<"workflow.started">): Stop {
    return this.on("workflow.started", handler);
  }

  onTaskStarted(handler: Handler<"task.started">): Stop {
    return this.on("task.started", handler);
  }

  onTaskCompleted(handler: Handler<"task.completed">): Stop {
    return this.on("task.completed", handler);
  }

  onWorkflowCompleted(handler: Handler<"workflow.completed">): Stop {
    return this.on("workflow.completed", handler);
  }

  /** Hear how the client is connected, now and after each change. */
  onConnection(listener: (state: ClientConnection) => void): Stop {
    listener(this.#connection);
    return this.on("connection", listener);
  }

  // -- the state ------------------------------------------------------------------------------

  /** All that is known, or what is known of one execution; the same object until it changes. */
  getState(): ClientState;
  getState(executionId: string): ExecutionView;
  getState(executionId?: string): ClientState | ExecutionView {
    if (executionId !== undefined) return this.#view(executionId);
    if (this.#state === null) {
      const known = [...this.#follows.values()].filter((follow) => follow.executionId !== ALL && follow.current !== null);
      const executions = Object.fromEntries(known.map((follow) => [follow.executionId, follow.current!]));
      this.#state = { connection: this.#connection, executions };
    }
    return this.#state;
  }

  /** Be called after changes of the state, at most once per frame; the returned function ends that. */
  onChange(listener: () => void): Stop {
    const own = (): void => listener();
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  // -- inside ---------------------------------------------------------------------------------

  #view(id: string): ExecutionView {
    const follow = this.#follows.get(id);
    const snapshot = follow?.current ?? null;
    const own = follow !== undefined && this.#unwatch !== null ? follow.connection : this.#connection;
    const known = this.#views.get(id);
    if (known !== undefined && known.snapshot === snapshot && known.connection === own) return known;
    const view = { snapshot, connection: own, error: own.kind === "refused" ? own.reason : null };
    this.#views.set(id, view);
    return view;
  }

  #connected(): Promise<void> {
    return new Promise((resolve, reject) => {
      const stop = this.on("connection", () => look());
      const look = (): void => {
        const state = this.#connection;
        if (isCurrent(state)) resolve();
        else if (state.kind === "refused") reject(new RpcError(CODES.forbidden, state.reason, "refused"));
        else if (state.kind === "disconnected") reject(new RpcError(CODES.unavailable, "the client was disconnected", "disconnected"));
        else return;
        stop();
      };
      look();
    });
  }

  #met(hello: Hello): void {
    if (!hello.ready) return this.#enter({ kind: "refused", reason: notReady(hello) });
    this.#epoch = hello.epoch;
    this.#channel = channel(this.#rest.socketUrl(), this.#rest);
    this.#unwatch = this.#channel.watch((state) => this.#enter(state));
    for (const follow of this.#follows.values()) this.#attach(follow);
  }

  #enter(state: ClientConnection): void {
    this.#connection = state;
    this.#changed();
    this.#handlers.tell("connection", state, "");
  }

  async #command(command: Command, id: string, options: object = {}): Promise<void> {
    await this.#ask(command, { execution_id: id, ...options }, operationPath(OPERATIONS[command].path, { execution_id: id }));
  }

  /** Over the socket, or over HTTP where there is none; waits for a connection, not for a second try. */
  async #ask(method: string, params: Readonly<Record<string, unknown>>, path: string): Promise<unknown> {
    await this.#connected();
    if (this.#channel?.isLive) return this.#channel.request(method, params);
    try {
      return await this.#rest.post(path, params);
    } catch (error) {
      throw error instanceof RequestError ? rpcError(error) : error;
    }
  }

  #follow(id: string): Follow {
    let follow = this.#follows.get(id);
    if (follow === undefined) {
      const epoch = this.#own.has(id) ? this.#channel?.epoch || this.#epoch : "";
      follow = new Follow(id, epoch, this.#user);
      this.#follows.set(id, follow);
      this.#attach(follow);
    }
    return follow;
  }

  #attach(follow: Follow): void {
    if (this.#channel === null) return;
    if (follow.executionId !== ALL) follow.leave = this.#channel.join(follow);
    else {
      const all = new Everything(this.#handlers, (id) => this.#follows.has(id), (state) => follow.state(state));
      follow.leave = this.#channel.join(all);
    }
  }

  #detach(follow: Follow): void {
    follow.leave?.();
    follow.leave = null;
  }

  #release(follow: Follow): void {
    if (follow.holders > 0 || follow.isSubscribed || !this.#follows.delete(follow.executionId)) return;
    this.#detach(follow);
    this.#views.delete(follow.executionId);
    this.#changed();
  }

  readonly #user: FollowUser = {
    happened: (event, id) => announce(this.#handlers, event, id),
    replaced: (snapshot, id) => this.#handlers.tell("snapshot", snapshot, id),
    gap: (follow) => this.#channel?.resync(follow),
    changed: () => this.#changed(),
  };

  #changed(): void {
    this.#state = null;
    this.#telling ??= setTimeout(() => {
      this.#telling = undefined;
      for (const listener of [...this.#listeners]) listener();
    }, GATHER_MS);
  }
}

/** The server's base URL when this script is one of its static files. */
function ownBase(): string | null {
  const found = /^(https?:.*\/)static\/wf_jupyter\/[^/]*$/.exec(import.meta.url);
  return found ? found[1]! : null;
}

function isCurrent(state: ClientConnection): boolean {
  return state.kind === "live" || state.kind === "delayed";
}

const CODE_OF: Readonly<Record<number, number>> = {
  400: CODES.invalidParams,
  401: CODES.forbidden,
  403: CODES.forbidden,
  404: CODES.notFound,
  409: CODES.conflict,
  413: CODES.tooLarge,
  429: CODES.rateLimited,
  500: CODES.internal,
};

function rpcError({ status, message, reason, field, retryAfter }: RequestError): RpcError {
  return new RpcError(CODE_OF[status] ?? CODES.unavailable, message, reason, field, retryAfter);
}
