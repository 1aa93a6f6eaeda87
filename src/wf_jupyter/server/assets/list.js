// All executions: live, filtered, and as far back as one scrolls.
import { Badge } from "./badge.js";
import { options } from "./config.js";
import { element } from "./elements.js";
import { Row } from "./row.js";

const PAGE = 100;
const MOST = 1000;
const POLL = 2000;
const STATUSES = ["running", "paused", "interrupted", "cancelling", "succeeded", "failed", "cancelled"];
const STATUS_OF = {
  "workflow.paused": "paused",
  "workflow.resumed": "running",
  "workflow.cancelling": "cancelling",
  "workflow.retried": "running",
  "workflow.recovered": "running",
  "workflow.interrupted": "interrupted",
};

export class ExecutionList {
  #rows = new Map();
  #body = element("tbody");
  #trouble = element("p", { className: "wfj-page-notice", role: "alert", hidden: true });
  #empty = element("p", { className: "wfj-list-empty", hidden: true });
  #older = element("button", { type: "button", hidden: true, onclick: () => this.#olderOnes() }, "Older executions");
  #status = element("select", {}, ...["", ...STATUSES].map((value) => element("option", { value }, value || "any")));
  #workflow = element("input", { type: "search", placeholder: "any", autocomplete: "off" });
  #names = element("datalist", { id: "wfj-list-names" });
  #known = new Set();
  #oldest = null;
  #client;
  #badge;
  #kind = "connecting";
  #asked = 0;
  #due = 0;
  #loading = false;
  #reloading = 0;

  /** `client` is the module of that name. */
  constructor(root, { WorkflowClient, connectionWords }) {
    this.#client = new WorkflowClient();
    this.#badge = new Badge(connectionWords, () => this.#client.nudge());
    const heads = ["Workflow", "Status", "Tasks", "Started", "Duration", "Owner", ""];
    const table = element(
      "table",
      { className: "wfj-list" },
      element("thead", {}, element("tr", {}, ...heads.map((text) => element("th", { scope: "col" }, text || unseen("Actions"))))),
      this.#body,
    );
    this.#workflow.setAttribute("list", this.#names.id);
    root.replaceChildren(
      element(
        "div",
        { className: "wfj-list-head" },
        element("h1", {}, "Workflow executions"),
        this.#badge.element,
        ...(options.may_write ? [] : [element("span", { className: "wfj-list-note" }, "read only")]),
        element("label", {}, "Status ", this.#status),
        element("label", {}, "Workflow ", this.#workflow, this.#names),
      ),
      this.#trouble,
      table,
      this.#empty,
      this.#older,
    );
    this.#restore();
    this.#status.onchange = this.#workflow.onchange = () => this.#filter();
    root.addEventListener("keydown", (event) => this.#key(event));
    for (const moved of ["scroll", "resize"]) addEventListener(moved, () => this.#fill(), { passive: true });
    void this.#reload();
    this.#follow();
    setInterval(() => this.#tick(), 1000);
    setInterval(() => this.#poll(), POLL);
  }

  #follow() {
    const client = this.#client;
    client.on("event", (event, id) => this.#happened(id, event));
    client.on("list", () => this.#doubted());
    // What is refused is told by the state of the connection.
    const ignore = () => undefined;
    client.connect().catch(ignore);
    client.subscribe("*").catch(ignore);
    client.onConnection((state) => this.#connected(state));
  }

  /** Something may have been left out: after each reconnect, or all the time where WebSockets are blocked. */
  #doubted() {
    if (this.#kind === "live") void this.#reload();
    else if (document.visibilityState !== "visible" || this.#reloading > 0) return;
    else if (this.#rows.size <= MOST) void this.#reload();
    else this.#refresh();
  }

  // -- reading ------------------------------------------------------------------------------------

  #query(more) {
    return { status: this.#status.value, workflow: this.#workflow.value.trim(), ...more };
  }

  /** Everything that is shown, anew: the newest first, as many as there were. */
  async #reload() {
    this.#reloading++;
    await this.#read().finally(() => this.#reloading--);
  }

  async #read() {
    const asked = ++this.#asked;
    const wanted = Math.max(PAGE, this.#rows.size);
    const found = [];
    let before = null;
    let more = true;
    try {
      while (more && found.length < wanted) {
        const limit = Math.min(MOST, Math.max(PAGE, wanted - found.length));
        const page = await this.#client.executions(this.#query({ limit, ...(before && { before }) }));
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
    this.#counted();
    this.#fill();
  }

  /** Rows in their order. What stands where it belongs is not touched: it may have the focus. */
  #arrange() {
    let place = this.#body.firstElementChild;
    for (const { element } of this.#rows.values()) {
      if (element === place) place = place.nextElementSibling;
      else this.#body.insertBefore(element, place);
    }
  }

  /** Read on as long as the end of the list can nearly be seen. */
  #fill() {
    if (!this.#older.hidden && this.#older.getBoundingClientRect().top < innerHeight + 600) void this.#olderOnes();
  }

  async #olderOnes() {
    if (this.#loading || this.#older.hidden) return;
    this.#loading = true;
    const asked = this.#asked;
    try {
      const page = await this.#client.executions(this.#query({ limit: PAGE, before: this.#oldest }));
      if (asked !== this.#asked) return;
      for (const summary of page) this.#add(summary);
      this.#oldest = page.at(-1)?.id ?? this.#oldest;
      this.#older.hidden = page.length < PAGE;
    } catch (error) {
      this.#say(error);
      return;
    } finally {
      this.#loading = false;
    }
    this.#counted();
    this.#fill();
  }

  /** How far the running ones are: their progress is no event of all executions. */
  async #poll() {
    if (document.visibilityState !== "visible" || !this.#isCurrent) return;
    const running = [...this.#rows.values()].filter((row) => !row.isFinal);
    if (!running.length) return;
    const limit = Math.min(MOST, running.length + PAGE);
    const page = await this.#client.executions({ status: "running", limit }).catch(() => []);
    for (const summary of page) this.#rows.get(summary.id)?.show(summary);
  }

  // -- what happens -------------------------------------------------------------------------------

  #happened(id, event) {
    const row = this.#rows.get(id);
    const status = STATUS_OF[event.type];
    if (row && status && !this.#status.value) row.show({ ...row.summary, status, ended: null });
    else this.#refresh();
  }

  // Many executions may start or end at once: one request shows them all.
  #refresh() {
    this.#due ||= setTimeout(async () => {
      this.#due = 0;
      const asked = this.#asked;
      const page = await this.#client.executions(this.#query({ limit: PAGE })).catch(() => null);
      if (page === null || asked !== this.#asked) return;
      const fresh = page.filter((summary) => {
        const row = this.#rows.get(summary.id);
        row?.show(summary);
        return !row;
      });
      // More than a page came at once: what lies between is not known.
      if (fresh.length === PAGE || this.#status.value) void this.#reload();
      else for (const summary of fresh.reverse()) this.#add(summary, true);
      this.#counted();
    }, 150);
  }

  #add(summary, first = false) {
    if (this.#rows.has(summary.id)) return this.#rows.get(summary.id).show(summary);
    const row = this.#row(summary);
    this.#rows.set(summary.id, row);
    if (first) this.#body.prepend(row.element);
    else this.#body.append(row.element);
  }

  #row(summary) {
    if (!this.#known.has(summary.workflow)) {
      this.#known.add(summary.workflow);
      this.#names.append(element("option", { value: summary.workflow }));
    }
    const known = this.#rows.get(summary.id);
    known?.show(summary);
    return known ?? new Row(summary, options.may_write ? (id, name) => this.#command(id, name) : null);
  }

  async #command(id, name) {
    try {
      // A click must not take effect minutes later, when the server is back.
      if (!this.#isCurrent) throw new Error("There is no connection to the server: nothing was asked of it.");
      await this.#client[name](id);
      this.#say(null);
    } catch (error) {
      this.#say(error);
    }
  }

  // -- around the rows ----------------------------------------------------------------------------

  #filter() {
    const query = new URLSearchParams(Object.entries(this.#query()).filter(([, value]) => value));
    history.replaceState(null, "", query.size ? `?${query}` : location.pathname);
    this.#rows.clear();
    this.#body.replaceChildren();
    void this.#reload();
  }

  #restore() {
    const query = new URLSearchParams(location.search);
    this.#status.value = STATUSES.includes(query.get("status")) ? query.get("status") : "";
    this.#workflow.value = query.get("workflow") ?? "";
  }

  #counted() {
    this.#empty.hidden = this.#rows.size > 0;
    this.#empty.textContent = this.#status.value || this.#workflow.value.trim()
      ? "No execution is like that."
      : "No executions yet. Submit a workflow from a notebook and it appears here.";
  }

  #tick() {
    // What cannot be known does not go on: without a connection all clocks stand.
    if (!this.#isCurrent) return;
    for (const row of this.#rows.values()) if (!row.isFinal) row.tick(Date.now());
  }

  get #isCurrent() {
    return this.#kind === "live" || this.#kind === "delayed";
  }

  #connected(state) {
    this.#kind = state.kind;
    this.#badge.show(state);
    this.#body.classList.toggle("wfj-list-stale", !this.#isCurrent);
  }

  #say(error) {
    this.#trouble.hidden = error === null;
    this.#trouble.textContent = error === null ? "" : String(error.message ?? error);
  }

  #key(event) {
    const row = event.target.closest?.("tbody tr");
    if (event.key === "/" && event.target !== this.#workflow) {
      event.preventDefault();
      this.#workflow.focus();
    }
    if (!row || event.altKey || event.ctrlKey || event.metaKey) return;
    const to = {
      ArrowDown: () => row.nextElementSibling,
      ArrowUp: () => row.previousElementSibling,
      Home: () => this.#body.firstElementChild,
      End: () => this.#body.lastElementChild,
    }[event.key]?.();
    if (!to) return;
    event.preventDefault();
    to.querySelector("a").focus();
  }
}

function unseen(text) {
  return element("span", { className: "wfj-unseen" }, text);
}
