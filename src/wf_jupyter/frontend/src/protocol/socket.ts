// One WebSocket from opening to closing: JSON-RPC 2.0 requests and their answers, notifications, silence.
import { isObject, parseJson, type Fields } from "./decode.ts";

/** The codes of errors on the wire that clients tell apart. */
export const CODES = {
  invalidParams: -32602,
  internal: -32603,
  unavailable: -32000,
  notFound: -32001,
  forbidden: -32002,
  rateLimited: -32003,
  conflict: -32004,
  tooLarge: -32005,
} as const;

/** The server answered with an error. `reason` is its stable name, `retryAfter` in seconds. */
export class RpcError extends Error {
  override readonly name = "RpcError";

  constructor(
    readonly code: number,
    message: string,
    readonly reason = "",
    readonly field = "",
    readonly retryAfter: number | null = null,
  ) {
    super(message);
  }
}

/** Who uses a socket. */
export interface SocketUser {
  opened(): void;
  notified(method: string, params: Fields): void;
  /** It closed, or said nothing for too long; what was heard until `since` (local ms) is all. */
  lost(since: number): void;
}

interface Waiting {
  readonly answered: (result: unknown) => void;
  readonly refused: (error: RpcError) => void;
}

const OPEN = 1;
const CHECK_MS = 2_500;
/** Longer than two heartbeats of the server's default. */
const SILENCE_MS = 25_000;
/** A server that lets the socket open says hello at once; a proxy that only swallows says nothing. */
const GREETING_MS = 10_000;

/** A connection; once lost or closed it is never used again. */
export class Socket {
  #socket: WebSocket | null = null;
  #nextId = 1;
  #waiting = new Map<number, Waiting>();
  #heardAt = Date.now();
  #silence = GREETING_MS;
  #check: ReturnType<typeof setInterval>;

  constructor(url: string, private readonly user: SocketUser) {
    this.#check = setInterval(() => this.listen(), CHECK_MS);
    let socket: WebSocket;
    try {
      socket = this.#socket = new WebSocket(url);
    } catch {
      queueMicrotask(() => this.#lost(Date.now()));
      return;
    }
    socket.onopen = () => {
      this.#heardAt = Date.now();
      user.opened();
    };
    socket.onmessage = (message) => this.#receive(message.data);
    socket.onclose = () => this.#lost(Date.now());
  }

  get isOpen(): boolean {
    return this.#socket?.readyState === OPEN;
  }

  /** Ask. Exactly one of the functions is called. Returns how to ignore the answer. */
  request(method: string, params: Fields, answered: Waiting["answered"], refused: Waiting["refused"]): () => void {
    const id = this.#nextId++;
    this.#waiting.set(id, { answered, refused });
    this.#socket?.send(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
    return () => this.#waiting.delete(id);
  }

  /** Give up when nothing was heard for longer than heartbeats allow. */
  listen(): void {
    // a clock that was put back must not make the silence look short
    this.#heardAt = Math.min(this.#heardAt, Date.now());
    if (Date.now() - this.#heardAt > this.#silence) this.#lost(this.#heardAt);
  }

  /** Close; who waits for an answer is refused it. */
  close(): void {
    const socket = this.#socket;
    const waiting = [...this.#waiting.values()];
    this.#socket = null;
    clearInterval(this.#check);
    this.#waiting.clear();
    if (socket !== null) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
    }
    for (const { refused } of waiting) {
      refused(new RpcError(CODES.unavailable, "the connection was lost before the answer came: it may have been done", "connection_lost"));
    }
  }

  #lost(since: number): void {
    this.close();
    this.user.lost(since);
  }

  #receive(data: unknown): void {
    this.#heardAt = Date.now();
    this.#silence = Math.max(this.#silence, SILENCE_MS);
    const message = typeof data === "string" ? parseJson(data) : undefined;
    if (!isObject(message)) return;
    const { method } = message;
    const params = isObject(message["params"]) ? message["params"] : {};
    if (method === undefined) this.#answer(message);
    else if (typeof method === "string") {
      // a server with slow heartbeats says so
      if (method === "hello" && typeof params["heartbeat"] === "number") {
        this.#silence = Math.max(SILENCE_MS, params["heartbeat"] * 2500);
      }
      this.user.notified(method, params);
    }
  }

  #answer(message: Fields): void {
    const waiting = this.#waiting.get(message["id"] as number);
    if (waiting === undefined) return;
    this.#waiting.delete(message["id"] as number);
    if (isObject(message["error"])) waiting.refused(errorOf(message["error"]));
    else waiting.answered(message["result"]);
  }
}

function errorOf(error: Fields): RpcError {
  const data = isObject(error["data"]) ? error["data"] : {};
  const text = (value: unknown): string => (typeof value === "string" ? value : "");
  const after = typeof data["retry_after"] === "number" ? Math.max(0, data["retry_after"]) : null;
  const code = typeof error["code"] === "number" ? error["code"] : CODES.internal;
  return new RpcError(code, text(error["message"]) || "the server refused", text(data["reason"]), text(data["field"]), after);
}
