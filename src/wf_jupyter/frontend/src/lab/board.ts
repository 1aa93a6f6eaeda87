// The executions of this page's server, kept up to date: the model behind the side panel, the status bar and the notices.
import { WorkflowClient, type ExecutionQuery } from "../client/client.ts";
import type { ClientConnection } from "../client/events.ts";
import type { Summary } from "../protocol/messages.gen.ts";
import { FINAL } from "../protocol/source.ts";

const PAGE = 100;
/** Progress is no event of all executions: it is asked for. */
const POLL_MS = 2_000;
const GATHER_MS = 150;

export interface BoardListener {
  /** The list, or how it is connected, is another one. */
  changed(): void;
  /** An execution ended while this page was looking. */
  ended?(summary: Summary): void;
}

/** Newest first. Follows the server for as long as it has listeners. */
export class Board {
  readonly client = new WorkflowClient();
  connection: ClientConnection = { kind: "connecting" };
  /** Why the list could not be read last. */
  trouble = "";
  hasMore = false;
  #rows = new Map<string, Summary>();
  #listeners = new Set<BoardListener>();
  #gathering: ReturnType<typeof setTimeout> | undefined;
  #polling: ReturnType<typeof setInterval> | undefined;
  #stops: (() => void)[] = [];
  #isRead = false;
  #reads = 0;

  /** `query` narrows what is listed. */
  constructor(private readonly query: ExecutionQuery = {}) {}

  get summaries(): readonly Summary[] {
    return [...this.#rows.values()];
  }

  get running(): readonly Summary[] {
    return this.summaries.filter(({ status }) => !FINAL.includes(status));
  }

  /** Whether what is shown is how it is at this moment. */
  get isCurrent(): boolean {
    return this.connection.kind === "live" || this.connection.kind === "delayed";
  }

  /** Whether the list was read at all. */
  get isRead(): boolean {
    return this.#isRead;
  }

  summary(id: string): Summary | undefined {
    return this.#rows.get(id);
  }

  /** Be told of changes; the returned function ends that, and the last one lets the server go. */
  join(listener: BoardListener): () => void {
    this.#listeners.add(listener);
    if (this.#listeners.size === 1) this.#start();
    listener.changed();
    return () => {
      if (this.#listeners.delete(listener) && this.#listeners.size === 0) this.#stop();
    };
  }

  /** Read the list again. */
  refresh(): void {
    this.#gathering ??= setTimeout(() => {
      this.#gathering = undefined;
      void this.#read();
    }, GATHER_MS);
  }

  /** Read one more page of older ones. */
  async older(): Promise<void> {
    const before = this.summaries.at(-1)?.id;
    if (before === undefined) return;
    const limit = this.query.limit ?? PAGE;
    const page = await this.client.executions({ ...this.query, limit, before }).catch(() => null);
    if (page === null) return;
    this.hasMore = page.length === limit;
    for (const summary of page) this.#rows.set(summary.id, summary);
    this.tell();
  }

  #start(): void {
    const { client } = this;
    // what is refused is told by the state of the connection
    const ignore = (): void => undefined;
    client.connect().catch(ignore);
    client.subscribe("*").catch(ignore);
    this.#stops = [
      client.onConnection((state) => {
        this.connection = state;
        this.tell();
      }),
      client.on("event", () => this.refresh()),
      client.on("list", () => this.refresh()),
    ];
    this.#polling = setInterval(() => void this.#poll(), POLL_MS);
    void this.#read();
  }

  #stop(): void {
    for (const stop of this.#stops) stop();
    this.#stops = [];
    clearInterval(this.#polling);
    clearTimeout(this.#gathering);
    this.#gathering = undefined;
    this.client.disconnect();
  }

  async #read(): Promise<void> {
    const read = ++this.#reads;
    const limit = this.query.limit ?? PAGE;
    let found: readonly Summary[];
    try {
      found = await this.client.executions({ ...this.query, limit });
    } catch (error) {
      this.trouble = error instanceof Error ? error.message : String(error);
      return this.tell();
    }
    if (read !== this.#reads) return;
    this.trouble = "";
    const before = this.#rows;
    const oldest = found.at(-1)?.id ?? "";
    const isWhole = found.length < limit;
    if (!this.#isRead) this.hasMore = !isWhole;
    // older ones were read page by page: they stay, unless the list is known to its end
    const rest = isWhole ? [] : [...before.values()].filter(({ id }) => id < oldest);
    this.#rows = new Map([...found, ...rest].map((summary) => [summary.id, summary]));
    const wasRead = this.#isRead;
    this.#isRead = true;
    this.tell();
    if (wasRead) for (const summary of found) this.#compare(before.get(summary.id), summary);
  }

  /** How far the running ones are. */
  async #poll(): Promise<void> {
    if (document.visibilityState !== "visible" || !this.isCurrent || this.running.length === 0) return;
    const page = await this.client.executions({ ...this.query, status: "running" }).catch(() => []);
    for (const summary of page) if (this.#rows.has(summary.id)) this.#rows.set(summary.id, summary);
    if (page.length > 0) this.tell();
    // one that is not among them any more has changed, even if nobody told
    if (this.running.some(({ id, status }) => status === "running" && !page.some((summary) => summary.id === id))) this.refresh();
  }

  #compare(before: Summary | undefined, now: Summary): void {
    const isNews = FINAL.includes(now.status) && (before === undefined || !FINAL.includes(before.status));
    if (isNews) for (const listener of [...this.#listeners]) listener.ended?.(now);
  }

  /** Tell all listeners that what they show may be another. */
  tell(): void {
    for (const listener of [...this.#listeners]) listener.changed();
  }
}
