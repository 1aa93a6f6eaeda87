// All executions: live, filtered, and as far back as one scrolls.
import { element } from "./elements.js";
import { Link } from "./link.js";
import { request } from "./rest.js";
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
  #state = element("span", { className: "wfj-list-link", role: "status" });
  #trouble = element("p", { className: "wfj-page-notice", role: "alert", hidden: true });
  #empty = element("p", { className: "wfj-list-empty", hidden: true });
  #older = element("button", { type: "button", hidden: true, onclick: () => this.#olderOnes() }, "Older executions");
  #status = element("select", {}, ...["", ...STATUSES].map((value) => element("option", { value }, value || "any")));
  #workflow = element("input", { type: "search", placeholder: "any", autocomplete: "off" });
  #names = element("datalist", { id: "wfj-list-names" });
  #known = new Set();
  #oldest = null;
  #isLive = false;
  #asked = 0;
  #due = 0;
  #loading = false;

  constructor(root) {
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
        this.#state,
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
    new Link({
      told: (id, events) => this.#happened(id, events),
      opened: () => this.#reload(),
      state: (text) => this.#link(text),
    });
    setInterval(() => this.#tick(), 1000);
    setInterval(() => this.#poll(), POLL);
  }

  // -- reading ------------------------------------------------------------------------------------

  #query(more) {
    const query = new URLSearchParams(more);
    if (this.#status.value) query.set("status", this.#status.value);
    if (this.#workflow.value.trim()) query.set("workflow", this.#workflow.value.trim());
    return query;
  }

  /** Everything that is shown, anew: the newest first, as many as there were. Whether that worked. */
  async #reload() {
    const asked = ++this.#asked;
    const wanted = Math.max(PAGE, this.#rows.size);
    const found = [];
    let before = null;
    let more = true;
    try {
      while (more && found.length < wanted) {
        const limit = Math.min(MOST, Math.max(PAGE, wanted - found.length));
        const page = (await request(`executions?${this.#query({ limit, ...(before && { before }) })}`)).executions;
        if (asked !== this.#asked) return false;
        found.push(...page);
        before = page.at(-1)?.id ?? before;
        more = page.length === limit;
      }
      this.#say(null);
    } catch (error) {
      this.#say(error);
      return false;
    }
    const rows = new Map(found.map((summary) => [summary.id, this.#row(summary)]));
    for (const [id, row] of this.#rows) if (!rows.has(id)) row.element.remove();
    this.#rows = rows;
    // `append` moves what is there already: nothing is built twice.
    for (const { element } of rows.values()) this.#body.append(element);
    this.#oldest = before;
    this.#older.hidden = !more;
    this.#counted();
    this.#fill();
    return true;
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
      const page = (await request(`executions?${this.#query({ limit: PAGE, before: this.#oldest })}`)).executions;
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
    if (document.visibilityState !== "visible") return;
    if (!this.#isLive) {
      // Where WebSockets are blocked this is all there is, and it says so.
      if (await this.#reload()) this.#state.textContent = "delayed: read every few seconds";
      return;
    }
    const running = [...this.#rows.values()].filter((row) => !row.isFinal);
    if (!running.length) return;
    const limit = Math.min(MOST, running.length + PAGE);
    const page = await request(`executions?status=running&limit=${limit}`).catch(() => ({ executions: [] }));
    for (const summary of page.executions) this.#rows.get(summary.id)?.show(summary);
  }

  // -- what happens -------------------------------------------------------------------------------

  #happened(id, events) {
    const row = this.#rows.get(id);
    const status = events.length === 1 ? STATUS_OF[events[0].type] : undefined;
    if (row && status && !this.#status.value) row.show({ ...row.summary, status, ended: null });
    else this.#refresh();
  }

  // Many executions may start or end at once: one request shows them all.
  #refresh() {
    this.#due ||= setTimeout(async () => {
      this.#due = 0;
      const asked = this.#asked;
      const page = await request(`executions?${this.#query({ limit: PAGE })}`).catch(() => null);
      if (page === null || asked !== this.#asked) return;
      const fresh = page.executions.filter((summary) => {
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
    return known ?? new Row(summary, (id, name) => this.#command(id, name));
  }

  async #command(id, name) {
    try {
      await request(`executions/${encodeURIComponent(id)}/${name}`, { method: "POST", body: "{}" });
      this.#say(null);
    } catch (error) {
      this.#say(error);
    }
  }

  // -- around the rows ----------------------------------------------------------------------------

  #filter() {
    const query = this.#query({});
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
    this.#empty.textContent = this.#query({}).size
      ? "No execution is like that."
      : "No executions yet. Submit a workflow from a notebook and it appears here.";
  }

  #tick() {
    // What cannot be known does not go on: without a connection all clocks stand.
    if (!this.#isLive) return;
    for (const row of this.#rows.values()) if (!row.isFinal) row.tick(Date.now());
  }

  #link(text) {
    this.#isLive = text === "live";
    this.#state.textContent = text;
    this.#state.dataset.live = this.#isLive;
    this.#body.classList.toggle("wfj-list-stale", !this.#isLive);
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
