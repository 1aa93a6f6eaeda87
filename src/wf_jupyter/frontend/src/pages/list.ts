// All executions: live, filtered, and as far back as one scrolls.
import { WorkflowClient, type ExecutionQuery } from "../client/client.ts";
import type { ClientConnection } from "../client/events.ts";
import { html } from "../draw/element.ts";
import type { Event, ExecutionStatus, Summary } from "../protocol/messages.gen.ts";
import { Badge } from "./badge.ts";
import { Filters } from "./filters.ts";
import { Order } from "./order.ts";
import { Row, type RowCommand } from "./row.ts";

const PAGE = 100;
const MOST = 1000;
const POLL_MS = 2_000;
const TICK_MS = 1_000;
/** Many executions may start or end at once: one request shows them all. */
const GATHER_MS = 150;
const STATUS_OF: Readonly<Partial<Record<Event["type"], ExecutionStatus>>> = {
  "workflow.paused": "paused",
  "workflow.resumed": "running",
  "workflow.cancelling": "cancelling",
  "workflow.retried": "running",
  "workflow.recovered": "running",
  "workflow.interrupted": "interrupted",
};

export class ExecutionList {
  readonly #client = new WorkflowClient();
  readonly #badge = new Badge(() => this.#client.nudge());
  readonly #filters = new Filters(() => this.#filter(), () => this.#look());
  readonly #order = new Order(() => this.#arrange());
  readonly #body = html("tbody");
  readonly #trouble = html("p", "wfj-page-notice", { role: "alert", hidden: true });
  readonly #empty = html("p", "wfj-list-empty", { hidden: true });
  readonly #older = html("button", "", { type: "button", hidden: true }, "Older executions");
  #rows = new Map<string, Row>();
  #oldest = "";
  #kind: ClientConnection["kind"] = "connecting";
  #asked = 0;
  #due: ReturnType<typeof setTimeout> | undefined;
  #loading = false;
  #reloading = 0;

  constructor(
    root: HTMLElement,
    private readonly mayWrite: boolean,
  ) {
    const heads = [...this.#order.heads, html("th", "", { scope: "col" }, html("span", "wfj-unseen", {}, "Actions"))];
    root.replaceChildren(
      html("div", "wfj-list-head", {},
        html("h1", "", {}, "Workflow executions"),
        this.#badge.element,
        mayWrite ? null : html("span", "wfj-list-note", {}, "read only"),
        ...this.#filters.elements),
      this.#trouble,
      html("table", "wfj-list", {}, html("thead", "", {}, html("tr", "", {}, ...heads)), this.#body),
      this.#empty,
      this.#older,
    );
    this.#older.addEventListener("click", () => void this.#readOlder());
    root.addEventListener("keydown", (event) => this.#key(event));
    for (const moved of ["scroll", "resize"]) addEventListener(moved, () => this.#fill(), { passive: true });
    void this.#reload();
    this.#follow();
    setInterval(() => this.#tick(), TICK_MS);
    setInterval(() => void this.#poll(), POLL_MS);
  }

  #follow(): void {
    const client = this.#client;
    client.on("event", (event, id) => this.#happened(id, event));
    client.on("list", () => this.#doubted());
    // What is refused is told by the state of the connection.
    const ignore = (): undefined => undefined;
    client.connect().catch(ignore);
    client.subscribe("*").catch(ignore);
    client.onConnection((state) => this.#connected(state));
  }

  /** Something may have been left out: after each reconnect, or all the time where WebSockets are blocked. */
  #doubted(): void {
    if (this.#kind === "live") void this.#reload();
    else if (document.visibilityState !== "visible" || this.#reloading > 0) return;
    else if (this.#rows.size <= MOST) void this.#reload();
    else this.#refresh();
  }

  // -- reading ------------------------------------------------------------------------------------

  #query(more: ExecutionQuery): ExecutionQuery {
    return { ...this.#filters.query, ...more };
  }

  /** Everything that is shown, anew: the newest first, as many as there were. */
  async #reload(): Promise<void> {
    this.#reloading++;
    await this.#read().finally(() => this.#reloading--);
  }

  async #read(): Promise<void> {
    const asked = ++this.#asked;
    const wanted = Math.max(PAGE, this.#rows.size);
    const found: Summary[] = [];
    let before = "";
    let more = true;
    try {
      while (more && found.length < wanted) {
        const limit = Math.min(MOST, Math.max(PAGE, wanted - found.length));
        const page = await this.#client.executions(this.#query({ limit, before }));
        if (asked !== this.#asked) return;
        found.push(...page);
        before = page.at(-1)?.id ?? before;
        more = page.length === limit;
      }
      this.#say(null);
    } catch (error) {
      this.#say(error);
      return;
    }
    const rows = new Map(found.map((summary) => [summary.id, this.#row(summary)]));
    for (const [id, row] of this.#rows) if (!rows.has(id)) row.element.remove();
    this.#rows = rows;
    this.#arrange();
    this.#oldest = before;
    this.#older.hidden = !more;
    this.#look();
  }

  /** Rows in their order. What stands where it belongs is not touched: it may have the focus. */
  #arrange(): void {
    let place = this.#body.firstElementChild;
    for (const { element } of this.#order.sorted(this.#rows.values())) {
      if (element === place) place = place.nextElementSibling;
      else this.#body.insertBefore(element, place);
    }
  }

  /** Read on as long as the end of the list can nearly be seen. */
  #fill(): void {
    if (!this.#older.hidden && this.#older.getBoundingClientRect().top < innerHeight + 600) void this.#readOlder();
  }

  async #readOlder(): Promise<void> {
    if (this.#loading || this.#older.hidden) return;
    this.#loading = true;
    const asked = this.#asked;
    try {
      const page = await this.#client.executions(this.#query({ limit: PAGE, before: this.#oldest }));
      if (asked !== this.#asked) return;
      for (const summary of page) this.#add(summary);
      this.#arrange();
      this.#oldest = page.at(-1)?.id ?? this.#oldest;
      this.#older.hidden = page.length < PAGE;
    } catch (error) {
      this.#say(error);
      return;
    } finally {
      this.#loading = false;
    }
    this.#count();
    this.#fill();
  }

  /** How far the running ones are: their progress is no event of all executions. */
  async #poll(): Promise<void> {
    if (document.visibilityState !== "visible" || !this.#isCurrent) return;
    const running = [...this.#rows.values()].filter((row) => !row.isFinal);
    if (running.length === 0) return;
    const limit = Math.min(MOST, running.length + PAGE);
    const page = await this.#client.executions({ status: "running", limit }).catch(() => []);
    for (const summary of page) this.#rows.get(summary.id)?.show(summary);
  }

  // -- what happens -------------------------------------------------------------------------------

  #happened(id: string, event: Event): void {
    const row = this.#rows.get(id);
    const status = STATUS_OF[event.type];
    if (row && status && !this.#filters.query.status) row.show({ ...row.summary, status, ended: null });
    else this.#refresh();
  }

  #refresh(): void {
    this.#due ??= setTimeout(() => void this.#readNewest(), GATHER_MS);
  }

  async #readNewest(): Promise<void> {
    this.#due = undefined;
    const asked = this.#asked;
    const page = await this.#client.executions(this.#query({ limit: PAGE })).catch(() => null);
    if (page === null || asked !== this.#asked) return;
    const fresh = page.filter((summary) => {
      const row = this.#rows.get(summary.id);
      row?.show(summary);
      return row === undefined;
    });
    // More than a page came at once: what lies between is not known.
    if (fresh.length === PAGE || this.#filters.query.status) void this.#reload();
    else {
      for (const summary of fresh) this.#add(summary);
      this.#arrange();
    }
    this.#count();
  }

  #add(summary: Summary): void {
    const known = this.#rows.get(summary.id);
    if (known !== undefined) {
      known.show(summary);
      return;
    }
    const row = this.#row(summary);
    row.element.hidden = !this.#filters.finds(summary);
    this.#rows.set(summary.id, row);
  }

  #row(summary: Summary): Row {
    this.#filters.offer(summary.workflow);
    const known = this.#rows.get(summary.id);
    known?.show(summary);
    return known ?? new Row(summary, this.mayWrite ? (id, command) => this.#give(id, command) : null);
  }

  async #give(id: string, command: RowCommand): Promise<void> {
    try {
      // A click must not take effect minutes later, when the server is back.
      if (!this.#isCurrent) throw new Error("There is no connection to the server: nothing was asked of it.");
      await this.#client[command](id);
      this.#say(null);
    } catch (error) {
      this.#say(error);
    }
  }

  // -- around the rows ----------------------------------------------------------------------------

  #filter(): void {
    this.#rows.clear();
    this.#body.replaceChildren();
    void this.#reload();
  }

  /** Show what is looked for; older ones are read until they fill the window, or there are no more. */
  #look(): void {
    for (const row of this.#rows.values()) row.element.hidden = !this.#filters.finds(row.summary);
    this.#count();
    this.#fill();
  }

  #count(): void {
    const isShown = [...this.#rows.values()].some(({ element }) => !element.hidden);
    this.#empty.hidden = isShown || (this.#rows.size > 0 && !this.#older.hidden);
    this.#empty.textContent = this.#filters.isSet
      ? "No execution is like that."
      : "No executions yet. Submit a workflow from a notebook and it appears here.";
  }

  #tick(): void {
    // What cannot be known does not go on: without a connection all clocks stand.
    if (!this.#isCurrent) return;
    const now = Date.now();
    for (const row of this.#rows.values()) if (!row.isFinal) row.tick(now);
  }

  get #isCurrent(): boolean {
    return this.#kind === "live" || this.#kind === "delayed";
  }

  #connected(state: ClientConnection): void {
    this.#kind = state.kind;
    this.#badge.show(state);
    this.#body.classList.toggle("wfj-list-stale", !this.#isCurrent);
  }

  #say(error: unknown): void {
    this.#trouble.hidden = error === null;
    this.#trouble.textContent = error === null ? "" : error instanceof Error ? error.message : String(error);
  }

  #key(event: KeyboardEvent): void {
    const target = event.target as Element;
    if (event.key === "/" && !this.#filters.has(target)) {
      event.preventDefault();
      this.#filters.focus();
    }
    const row = target.closest("tbody tr");
    if (row === null || event.altKey || event.ctrlKey || event.metaKey) return;
    const shown = [...this.#body.querySelectorAll("tr:not([hidden])")];
    const at = shown.indexOf(row);
    const to = { ArrowDown: shown[at + 1], ArrowUp: shown[at - 1], Home: shown[0], End: shown.at(-1) }[event.key];
    const link = to?.querySelector("a");
    if (!link) return;
    event.preventDefault();
    link.focus();
  }
}
