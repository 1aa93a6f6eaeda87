// The standalone pages: mount the bundle's view, or show the list of executions.
// Everything that comes from a workflow is untrusted: it becomes text, never markup.

const config = JSON.parse(document.getElementById("jupyter-config-data").textContent);
const options = config.wfJupyter;
const view = document.getElementById("wf-jupyter-view");
const api = `${config.baseUrl}wf-jupyter/api/v1/`;

start().catch((error) => notice(String(error.message ?? error)));

async function start() {
  const bundle = await import(options.bundle).catch(() => null);
  view.removeAttribute("aria-busy");
  if (options.view === "execution") {
    if (!bundle) throw new Error("The view's script could not be loaded: the installation has no frontend bundle.");
    bundle.mount(view, { execution_id: options.execution_id, server_id: options.server_id });
    await offerComparison();
  } else if (bundle?.mountList) {
    bundle.mountList(view, { server_id: options.server_id });
  } else {
    await new ExecutionList(view).start();
  }
}

// Other executions of the same workflow, to compare this one with.
async function offerComparison() {
  const query = new URLSearchParams({ workflow: options.workflow, limit: "50" });
  const { executions } = await request(`executions?${query}`);
  const others = executions.filter(({ id }) => id !== options.execution_id);
  if (!others.length) return;
  const choice = element("select", { ariaLabel: "Compare with another execution" }, element("option", { value: "" }, "Compare with…"));
  for (const { id, created, status } of others) {
    choice.append(element("option", { value: id }, `${new Date(created).toLocaleString()} · ${status}`));
  }
  choice.onchange = () => {
    if (choice.value) location.href = `${options.execution_id}/compare/${encodeURIComponent(choice.value)}`;
  };
  document.querySelector(".wfj-page-nav").append(" ", choice);
}

function notice(text) {
  view.replaceChildren(element("p", { className: "wfj-page-notice", role: "alert" }, text));
}

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

const FINAL = new Set(["succeeded", "failed", "cancelled"]);
const STATUS_OF_EVENT = {
  "workflow.paused": "paused",
  "workflow.resumed": "running",
  "workflow.cancelling": "cancelling",
  "workflow.retried": "running",
  "workflow.recovered": "running",
  "workflow.interrupted": "interrupted",
};

class ExecutionList {
  #rows = new Map();
  #body = element("tbody");
  #link = element("span", { className: "wfj-page-link", role: "status" });
  #more = element("button", { type: "button", hidden: true, onclick: () => this.#load(this.#last) }, "Older");
  #status = element(
    "select",
    { ariaLabel: "Status", onchange: () => this.#load() },
    ...["", "running", "paused", "succeeded", "failed", "cancelled"].map((value) =>
      element("option", { value }, value || "any status"),
    ),
  );
  #last = null;
  #due = null;
  #waited = 500;

  constructor(root) {
    const head = element("tr", {}, ...["Workflow", "Status", "Tasks", "Started", "Owner", ""].map((text) => element("th", {}, text)));
    root.replaceChildren(
      element("div", { className: "wfj-page-bar" }, element("h1", {}, "Workflow executions"), this.#link, this.#status),
      element("div", { className: "wfj-page-scroll" },
        element("table", { className: "wfj-page-table" }, element("thead", {}, head), this.#body)),
      this.#more,
    );
  }

  async start() {
    await this.#load();
    this.#connect();
  }

  async #load(before = null) {
    const query = new URLSearchParams({ limit: "50" });
    if (before) query.set("before", before);
    if (this.#status.value) query.set("status", this.#status.value);
    const answer = await request(`executions?${query}`);
    if (!before) {
      this.#rows.clear();
      this.#body.replaceChildren();
    }
    for (const summary of answer.executions) this.#show(summary, false);
    if (answer.executions.length) this.#last = answer.executions.at(-1).id;
    this.#more.hidden = answer.executions.length < 50;
    if (!this.#rows.size) {
      const cell = element("td", { colSpan: 6 }, "No executions yet. Submit a workflow from a notebook and it appears here.");
      this.#body.replaceChildren(element("tr", {}, cell));
    }
  }

  #show(summary, first) {
    const known = this.#rows.get(summary.id);
    const row = element("tr", {}, ...this.#cells(summary));
    if (known) known.row.replaceWith(row);
    else if (first) this.#body.prepend(row);
    else this.#body.append(row);
    this.#rows.set(summary.id, { summary, row });
  }

  #cells(summary) {
    const counts = summary.counts ?? {};
    const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
    const done = (counts.succeeded ?? 0) + (counts.cached ?? 0);
    const href = `${config.baseUrl}wf-jupyter/executions/${encodeURIComponent(summary.id)}`;
    const cancel = element("button", { type: "button", onclick: () => this.#command(summary.id, "cancel") }, "Cancel");
    const retry = element("button", { type: "button", onclick: () => this.#command(summary.id, "retry") }, "Retry");
    const action = !FINAL.has(summary.status) ? [cancel] : summary.status === "succeeded" ? [] : [retry];
    return [
      element("td", {}, element("a", { href }, summary.workflow)),
      element("td", {}, summary.status),
      element("td", { className: "wfj-page-number" }, total ? `${done} / ${total}` : ""),
      element("td", { className: "wfj-page-number" }, new Date(summary.created).toLocaleString()),
      element("td", {}, summary.owner ?? ""),
      element("td", {}, ...action),
    ];
  }

  async #command(id, name) {
    await request(`executions/${encodeURIComponent(id)}/${name}`, { method: "POST", body: "{}" }).catch((error) => {
      this.#link.textContent = error.message;
    });
  }

  #connect() {
    const address = new URL(config.wsUrl || config.baseUrl, location.href);
    address.protocol = location.protocol.replace("http", "ws");
    address.pathname = `${config.baseUrl}wf-jupyter/api/v1/ws`;
    const socket = new WebSocket(address);
    socket.onopen = () => {
      this.#waited = 500;
      this.#link.textContent = "live";
      socket.send(JSON.stringify({ jsonrpc: "2.0", id: 1, method: "subscribe", params: { execution_id: "*" } }));
      this.#load();
    };
    socket.onmessage = (message) => {
      const { method, params } = JSON.parse(message.data);
      if (method === "events") for (const event of params.events) this.#happened(params.execution_id, event);
    };
    socket.onclose = () => {
      // Full jitter: after a server restart not all pages come back in the same moment.
      const wait = Math.random() * this.#waited;
      this.#waited = Math.min(this.#waited * 2, 15000);
      this.#link.textContent = "reconnecting";
      setTimeout(() => this.#connect(), wait);
    };
  }

  #happened(id, event) {
    const known = this.#rows.get(id);
    const status = STATUS_OF_EVENT[event.type];
    if (known && status) this.#show({ ...known.summary, status }, false);
    else this.#refresh();
  }

  // Many executions may start or end at once: one request shows them all.
  #refresh() {
    this.#due ??= setTimeout(async () => {
      this.#due = null;
      const query = new URLSearchParams({ limit: "50" });
      if (this.#status.value) query.set("status", this.#status.value);
      const answer = await request(`executions?${query}`).catch(() => ({ executions: [] }));
      if (!this.#rows.size && answer.executions.length) this.#body.replaceChildren();
      for (const summary of answer.executions.reverse()) this.#show(summary, true);
    }, 150);
  }
}

async function request(path, init = {}) {
  const headers = { "Content-Type": "application/json" };
  const token = document.cookie.match(/(?:^|; )_xsrf=([^;]*)/)?.[1];
  if (token) headers["X-XSRFToken"] = decodeURIComponent(token);
  const answer = await fetch(api + path, { credentials: "same-origin", headers, ...init });
  const body = answer.status === 204 ? {} : await answer.json();
  if (!answer.ok) throw new Error(body.message ?? `HTTP ${answer.status}`);
  return body;
}
