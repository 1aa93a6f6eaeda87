// One execution as a row: what it is, how far it is, and what can be done about it.
import { html } from "../draw/element.ts";
import { clock } from "../draw/format.ts";
import { inputWords } from "../lab/summary-words.ts";
import type { Parked, Summary, TaskStatus } from "../protocol/messages.gen.ts";
import { FINAL } from "../protocol/source.ts";
import { pageAddress } from "./page-config.ts";

export type RowCommand = "cancel" | "retry" | "resume";
/** Gives a command about the execution with this id; ends when it is answered. */
export type Give = (id: string, command: RowCommand) => Promise<void>;

/** In the order in which they share the bar; what is left over is pending. */
const SHARES = ["succeeded", "cached", "running", "retrying", "failed", "skipped", "cancelled"] as const satisfies readonly TaskStatus[];
const SHAPES: Readonly<Record<string, string>> = {
  pending: "◌", running: "◐", paused: "‖", cancelling: "◐", interrupted: "◍", parked: "◍", unreadable: "?", succeeded: "✓", failed: "✕", cancelled: "⊘",
};

export class Row {
  readonly element: HTMLTableRowElement;
  readonly #link = html("a", "wfj-list-name");
  readonly #inputs = html("span", "wfj-list-inputs");
  readonly #status = html("span", "wfj-list-status");
  readonly #reason = html("span", "wfj-list-reason", { hidden: true });
  readonly #bar = html("span", "wfj-list-bar");
  readonly #count = html("span", "wfj-list-count");
  readonly #started = html("time");
  readonly #duration = html("span");
  readonly #owner = html("span");
  readonly #actions = html("span", "wfj-list-actions");
  #offered = "";

  /** Without `give` there are no buttons. */
  constructor(
    public summary: Summary,
    private readonly give: Give | null,
  ) {
    const cell = (label: string, name: string, ...parts: Node[]): HTMLElement => html("td", name, { "data-label": label }, ...parts);
    this.element = html("tr", "", {},
      cell("Workflow", "wfj-list-what", this.#link, this.#inputs),
      cell("Status", "", this.#status, this.#reason),
      cell("Tasks", "wfj-list-tasks", this.#bar, this.#count),
      cell("Started", "wfj-list-number", this.#started),
      cell("Duration", "wfj-list-number", this.#duration),
      cell("Owner", "wfj-list-owner", this.#owner),
      cell("", "", this.#actions));
    this.#name();
    this.show(summary);
  }

  get isFinal(): boolean {
    return FINAL.includes(this.summary.status);
  }

  show(summary: Summary): void {
    const before = this.summary;
    this.summary = summary;
    if (before.workflow !== summary.workflow || before.id !== summary.id) this.#name();
    const parked = summary.parked ?? null;
    const word = parked === null ? summary.status : parked.kind === "unreadable" ? "unreadable" : "parked";
    this.element.dataset["status"] = summary.status;
    this.element.dataset["parked"] = parked?.kind ?? "";
    this.#status.textContent = `${SHAPES[word] ?? "·"} ${word}`;
    this.#status.title = parked?.reason ?? "";
    this.#reason.textContent = parked?.reason ?? "";
    this.#reason.hidden = parked === null;
    this.#owner.textContent = summary.owner ?? "";
    this.#share(summary.counts ?? {});
    this.tick(Date.now());
    this.#offer(parked);
  }

  /** The duration of what still runs, as of `now`. */
  tick(now: number): void {
    const { created, ended } = this.summary;
    const until = ended ? Date.parse(ended) : this.isFinal ? Number.NaN : now;
    this.#duration.textContent = length((until - Date.parse(created)) / 1000);
  }

  /** Move the keyboard to it. */
  focus(): void {
    this.#link.focus();
  }

  #name(): void {
    const { id, workflow, created } = this.summary;
    this.#link.textContent = workflow;
    this.#link.title = id;
    this.#inputs.textContent = this.#inputs.title = inputWords(this.summary);
    this.#link.href = pageAddress(`executions/${encodeURIComponent(id)}`);
    const began = new Date(created);
    this.#started.dateTime = created;
    this.#started.textContent = moment(began);
    this.#started.title = began.toLocaleString();
  }

  #share(counts: Readonly<Record<string, number>>): void {
    const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
    const done = (counts["succeeded"] ?? 0) + (counts["cached"] ?? 0);
    this.#count.textContent = total > 0 ? `${done.toLocaleString()} / ${total.toLocaleString()}` : "";
    this.#count.title = Object.entries(counts).filter(([, count]) => count > 0).map(([name, count]) => `${count} ${name}`).join(", ");
    const rest = total - SHARES.reduce((sum, name) => sum + (counts[name] ?? 0), 0);
    const parts = SHARES.filter((name) => (counts[name] ?? 0) > 0).map((name) => share(`wfj-share-${name}`, counts[name]!));
    this.#bar.replaceChildren(...parts, ...(rest > 0 || total === 0 ? [share("", rest || 1)] : []));
  }

  #offer(parked: Parked | null): void {
    const { give } = this;
    const { status } = this.summary;
    const offered = `${status} ${parked?.kind ?? ""}`;
    if (give === null || offered === this.#offered) return;
    this.#offered = offered;
    const press = (command: RowCommand, label: string): HTMLButtonElement => {
      const made = html("button", "", { type: "button", "aria-label": `${label} ${this.summary.workflow}` }, label);
      made.addEventListener("click", () => {
        made.disabled = true;
        void give(this.summary.id, command).finally(() => (made.disabled = false));
      });
      return made;
    };
    const held = this.#actions.contains(document.activeElement);
    this.#actions.replaceChildren(
      ...(parked?.kind === "stopped" ? [press("resume", "Resume")] : []),
      ...(!this.isFinal && status !== "cancelling" ? [press("cancel", "Cancel")] : []),
      ...(status === "failed" || status === "cancelled" ? [press("retry", "Retry")] : []),
    );
    // A button that did its work goes away: the keyboard must not be thrown back to the top of the page.
    if (held) (this.#actions.querySelector("button") ?? this.#link).focus();
  }
}

function share(name: string, count: number): HTMLElement {
  const part = html("i", name);
  part.style.flexGrow = String(count);
  return part;
}

function moment(time: Date): string {
  const isToday = time.toDateString() === new Date().toDateString();
  const clock = time.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  return isToday ? clock : `${time.toLocaleDateString([], { day: "numeric", month: "short" })} ${clock}`;
}

/** `0.4 s`, `21 s`, `1:24`, `2:03:04`; empty for what is not known. */
function length(seconds: number): string {
  if (Number.isNaN(seconds)) return "";
  if (seconds < 10) return `${Math.max(0, seconds).toFixed(1)} s`;
  return seconds < 60 ? `${Math.floor(seconds)} s` : clock(seconds);
}
