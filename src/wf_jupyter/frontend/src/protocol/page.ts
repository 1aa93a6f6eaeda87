// How the page's own Jupyter server is found and talked to: https://…{base_url}wf-jupyter/api/v1/
import type { Fallback, Verdict } from "./asked.ts";
import { isObject, parseJson } from "./decode.ts";
import { renewLogin } from "./login.ts";

/** What the page says about its server. */
export interface PageConfig {
  readonly baseUrl: string;
  readonly wsUrl: string;
  readonly token: string;
}

/** The server's answer to `GET hello`, and the difference of its clock to ours in ms when it can be told. */
export interface Hello {
  readonly serverId: string;
  readonly epoch: string;
  readonly ready: boolean;
  readonly message: string;
  readonly clockOffset: number | null;
}

/** An answer that is not 2xx; `status` is 0 when there was none. */
export class RequestError extends Error {
  override readonly name: string = "RequestError";

  constructor(
    readonly status: number,
    message: string,
    readonly retryAfter: number | null = null,
    readonly reason = "",
    readonly field = "",
  ) {
    super(message);
  }
}

/** What a person can do about a refusal of the whole server; null when it is none. 424 is a Hub whose user's server is stopped. */
export function refusal(status: number): string | null {
  if (status === 401 || status === 403) return "log in to the Jupyter server again";
  if (status === 424) return "this Jupyter server was stopped: start it again in the Hub's control panel (reconnecting until then)";
  return null;
}

/** The Jupyter page's configuration; null where there is no Jupyter server behind the page. */
export function pageConfig(): PageConfig | null {
  const element = document.getElementById("jupyter-config-data");
  const parsed = element?.textContent ? parseJson(element.textContent) : null;
  if (isObject(parsed) && typeof parsed["baseUrl"] === "string") {
    return { baseUrl: parsed["baseUrl"], wsUrl: asText(parsed["wsUrl"]), token: asText(parsed["token"]) };
  }
  const data = document.body?.dataset; // nbclassic
  if (!data?.["baseUrl"]) return null;
  const value = (name: string): string => decodeURIComponent(data[name] ?? "");
  return { baseUrl: value("baseUrl"), wsUrl: value("wsUrl"), token: value("jupyterApiToken") };
}

/** The REST interface of the page's server. */
export class Rest implements Fallback {
  /** Set when the page has no cookie. The token travels in a header only: URLs end up in logs and histories. */
  #usesToken = false;

  constructor(readonly config: PageConfig) {}

  /** Address of a REST path. */
  url(path: string): string {
    const base = new URL(this.config.baseUrl || "/", location.href);
    const [name, query] = path.split("?", 2);
    base.pathname = `${base.pathname.replace(/\/*$/, "/")}wf-jupyter/api/v1/${name}`;
    base.search = query ?? "";
    base.hash = "";
    return base.href;
  }

  /** Address of one of the package's own files. */
  staticUrl(name: string): string {
    const base = new URL(this.config.baseUrl || "/", location.href);
    return `${base.origin}${base.pathname.replace(/\/*$/, "/")}static/wf_jupyter/${name}`;
  }

  /** Address of the page of all executions: whoever is not logged in is sent to where one is. */
  get #page(): string {
    return this.url("").replace(/api\/v1\/$/, "");
  }

  /** Address of the WebSocket. */
  socketUrl(): string {
    const base = new URL(this.config.baseUrl || "/", location.href);
    const socket = this.config.wsUrl ? new URL(this.config.wsUrl, location.href) : new URL(base);
    socket.protocol = socket.protocol.replace(/^http/, "ws");
    socket.pathname = `${socket.pathname.replace(/\/*$/, "/")}wf-jupyter/api/v1/ws`;
    socket.search = "";
    socket.hash = "";
    return socket.href;
  }

  /**
   * Ask the server who it is. Third-party frames have no cookie: then the page's token is tried once. A WebSocket
   * cannot send it; there the long poll takes over.
   */
  async hello(): Promise<Hello> {
    const sent = Date.now();
    let answer: Response;
    try {
      answer = await this.#greet();
    } catch (error) {
      if (!(error instanceof RequestError) || error.status !== 403 || !this.config.token || this.#usesToken) throw error;
      this.#usesToken = true;
      answer = await this.#fetch("GET", "hello");
    }
    const body: unknown = await answer.json();
    if (!isObject(body)) throw new RequestError(answer.status, "the server's hello is not understood");
    const date = Date.parse(answer.headers.get("Date") ?? "");
    const clockOffset = Number.isNaN(date) ? null : date + 500 - (sent + Date.now()) / 2;
    return {
      serverId: asText(body["server_id"]),
      epoch: asText(body["epoch"]),
      ready: body["ready"] !== false,
      message: asText(body["message"]),
      clockOffset,
    };
  }

  /** A login that ended is renewed where that needs nobody. */
  async #greet(): Promise<Response> {
    try {
      return await this.#fetch("GET", "hello");
    } catch (error) {
      if (!(error instanceof RequestError) || (error.status !== 401 && error.status !== 403)) throw error;
      if (!(await renewLogin(this.#page))) throw error;
      return this.#fetch("GET", "hello");
    }
  }

  /** How the server is, when its socket does not open. */
  async verdict(): Promise<Verdict> {
    try {
      const hello = await this.hello();
      return hello.ready ? { kind: "well" } : { kind: "refused", reason: notReady(hello) };
    } catch (error) {
      const status = error instanceof RequestError ? error.status : 0;
      const reason = refusal(status);
      if (reason !== null) return { kind: "refused", reason };
      if (status === 404) return { kind: "refused", reason: "this Jupyter server does not run workflows" };
      return { kind: "away" };
    }
  }

  /** The parsed JSON answer to a GET. */
  async get(path: string, signal?: AbortSignal): Promise<unknown> {
    return (await this.#fetch("GET", path, undefined, signal)).json();
  }

  /** Send a command, with a JSON body if it has one; a rate limit is waited for, up to a minute in all. */
  async post(path: string, body?: object): Promise<unknown> {
    for (let waited = 0; ; ) {
      try {
        return await (await this.#fetch("POST", path, body)).json();
      } catch (error) {
        const pause = error instanceof RequestError && error.status === 429 ? (error.retryAfter ?? 1) : null;
        if (pause === null || waited + pause > 60) throw error;
        waited += pause;
        await new Promise((resolve) => setTimeout(resolve, pause * 1000));
      }
    }
  }

  async #fetch(method: "GET" | "POST", path: string, sent?: object, signal: AbortSignal | null = null): Promise<Response> {
    // On every request: a Hub asks for the XSRF header on GET as well when the cookie identifies the user.
    const headers: Record<string, string> = { Accept: "application/json", "X-XSRFToken": cookie("_xsrf") };
    if (method === "POST") headers["Content-Type"] = "application/json";
    if (this.#usesToken) headers["Authorization"] = `token ${this.config.token}`;
    let answer: Response;
    try {
      const body = sent === undefined ? null : JSON.stringify(sent);
      const options = { method, headers, body, signal };
      answer = await fetch(this.url(path), { ...options, credentials: "same-origin", cache: "no-store" });
    } catch {
      throw new RequestError(0, "the server cannot be reached");
    }
    if (answer.ok) return answer;
    const body = parseJson(await answer.text().catch(() => ""));
    const problem = isObject(body) ? body : {};
    const reason = asText(problem["reason"]);
    const message = asText(problem["message"]) || reason || `the server answered ${answer.status}`;
    const exact = problem["retry_after"]; // the header has whole seconds
    const after = typeof exact === "number" ? exact : Number.parseFloat(answer.headers.get("Retry-After") ?? "");
    throw new RequestError(answer.status, message, after >= 0 ? after : null, reason, asText(problem["field"]));
  }
}

/** Why a server that answers cannot help. */
export function notReady(hello: Hello): string {
  return hello.message || "the workflow service did not start";
}

/** Path of an operation with its parameters filled in, and a query. Slashes of task keys stay: some proxies refuse `%2F`. */
export function operationPath(path: string, given: Readonly<Record<string, string | number>>, query: Readonly<Record<string, string | number>> = {}): string {
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => String(given[name] ?? "").split("/").map(encodeURIComponent).join("/"));
  const pairs = Object.entries(query).map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
  return pairs.length > 0 ? `${filled}?${pairs.join("&")}` : filled;
}

function cookie(name: string): string {
  const found = document.cookie.split("; ").find((entry) => entry.startsWith(`${name}=`));
  return found ? decodeURIComponent(found.slice(name.length + 1)) : "";
}

function asText(value: unknown): string {
  return typeof value === "string" ? value : "";
}
