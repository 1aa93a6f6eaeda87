// One execution as a row: what it is, how far it is, and what can be done about it.
import { element } from "./elements.js";
import { config } from "./config.js";

export const FINAL = new Set(["succeeded", "failed", "cancelled"]);
/** In the order in which they share the bar; what is left over is pending. */
const SHARES = ["succeeded", "cached", "running", "retrying", "failed", "skipped", "cancelled"];
const SHAPES = {
  pending: "◌", running: "◐", paused: "‖", cancelling: "◐", interrupted: "◍", parked: "◍", unreadable: "?", succeeded: "✓", failed: "✕", cancelled: "⊘",
};

export class Row {
  /** `command(id, name)` is called by the buttons; it returns a promise. Without it there are none. */
  constructor(summary, command) {
    this.command = command;
    this.link = element("a", { className: "wfj-list-name" });
    this.status = element("span", { className: "wfj-list-status" });
    this.reason = element("span", { className: "wfj-list-reason", hidden: true });
    this.bar = element("span", { className: "wfj-list-bar" });
    this.count = element("span", { className: "wfj-list-count" });
    this.started = element("time");
    this.duration = element("span");
    this.owner = element("span");
    this.actions = element("span", { className: "wfj-list-actions" });
    const cell = (label, name, ...parts) => {
      const made = element("td", { className: name }, ...parts);
      made.dataset.label = label;
      return made;
    };
    this.element = element(
      "tr",
      {},
      cell("Workflow", "wfj-list-what", this.link),
      cell("Status", "", this.status, this.reason),
      cell("Tasks", "wfj-list-tasks", this.bar, this.count),
      cell("Started", "wfj-list-number", this.started),
      cell("Duration", "wfj-list-number", this.duration),
      cell("Owner", "wfj-list-owner", this.owner),
      cell("", "", this.actions),
    );
    this.show(summary);
  }

  get isFinal() {
    return FINAL.has(this.summary.status);
  }

  show(summary) {
    const before = this.summary;
    this.summary = summary;
    const { id, workflow, status, created } = summary;
    const parked = summary.parked ?? null;
    const word = parked === null ? status : parked.kind === "unreadable" ? "unreadable" : "parked";
    this.element.dataset.status = status;
    this.element.dataset.parked = parked?.kind ?? "";
    if (before?.workflow !== workflow || before?.id !== id) {
      this.link.textContent = workflow;
      this.link.href = `${config.baseUrl}wf-jupyter/executions/${encodeURIComponent(id)}`;
      this.started.dateTime = created;
      this.started.textContent = moment(new Date(created));
      this.started.title = new Date(created).toLocaleString();
    }
    this.status.textContent = `${SHAPES[word] ?? "·"} ${word}`;
    this.status.title = parked?.reason ?? "";
    this.reason.textContent = parked?.reason ?? "";
    this.reason.hidden = parked === null;
    this.owner.textContent = summary.owner ?? "";
    this.#counts(summary.counts ?? {});
    this.tick(Date.now());
    if (before?.status !== status || before?.parked?.kind !== parked?.kind) this.#offer(status, parked?.kind);
  }

  /** The duration of what still runs, as of `now`. */
  tick(now) {
    const { created, ended } = this.summary;
    const until = ended ? Date.parse(ended) : this.isFinal ? Number.NaN : now;
    this.duration.textContent = length((until - Date.parse(created)) / 1000);
  }

  #counts(counts) {
    const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
    const done = (counts.succeeded ?? 0) + (counts.cached ?? 0);
    this.count.textContent = total ? `${done.toLocaleString()} / ${total.toLocaleString()}` : "";
    this.count.title = Object.entries(counts).filter(([, count]) => count).map(([name, count]) => `${count} ${name}`).join(", ");
    this.bar.replaceChildren(
      ...SHARES.filter((name) => counts[name]).map((name) => {
        const part = element("i", { className: `wfj-share-${name}` });
        part.style.flexGrow = counts[name];
        return part;
      }),
    );
    const rest = total - SHARES.reduce((sum, name) => sum + (counts[name] ?? 0), 0);
    if (rest > 0 || !total) {
      const part = element("i");
      part.style.flexGrow = rest || 1;
      this.bar.append(part);
    }
  }

  #offer(status, parked) {
    if (this.command === null) return;
    const button = (name, label) => {
      const made = element("button", { type: "button", ariaLabel: `${label} ${this.summary.workflow}` }, label);
      made.onclick = async () => {
        made.disabled = true;
        await this.command(this.summary.id, name);
        made.disabled = false;
      };
      return made;
    };
    const held = this.actions.contains(document.activeElement);
    this.actions.replaceChildren(
      ...(parked === "stopped" ? [button("resume", "Resume")] : []),
      ...(!FINAL.has(status) && status !== "cancelling" ? [button("cancel", "Cancel")] : []),
      ...(status === "failed" || status === "cancelled" ? [button("retry", "Retry")] : []),
    );
    // A button that did its work goes away: the keyboard must not be thrown back to the top of the page.
    if (held) (this.actions.querySelector("button") ?? this.link).focus();
  }
}

function moment(time) {
  const today = time.toDateString() === new Date().toDateString();
  const clock = time.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  return today ? clock : `${time.toLocaleDateString([], { day: "numeric", month: "short" })} ${clock}`;
}

function length(seconds) {
  if (Number.isNaN(seconds)) return "";
  if (seconds < 10) return `${Math.max(0, seconds).toFixed(1)} s`;
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  const rest = String(Math.floor(seconds % 60)).padStart(2, "0");
  if (minutes < 60) return `${minutes}:${rest}`;
  return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}:${rest}`;
}
