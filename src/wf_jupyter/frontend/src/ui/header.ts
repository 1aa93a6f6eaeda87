// Name, state, elapsed time, connection, commands, tabs; the stacked bar and the counts below.
import type { ExecutionStatus } from "../protocol/messages.gen.ts";
import type { Command, ConnectionState } from "../protocol/source.ts";
import { connectionWords } from "../protocol/connection-text.ts";
import type { Run } from "../fold/run.ts";
import { CANCELLED, FAILED, isFinalExecution, PENDING, RETRYING, RUNNING, SUCCEEDED } from "../fold/statuses.ts";
import { button, html, setAttribute, setText } from "../draw/element.ts";
import { icon } from "../draw/icons.ts";
import { StackedBar, Tally } from "../draw/tally.ts";
import { clock, duration } from "../draw/format.ts";
import { copyText } from "./clipboard.ts";

export const TABS = ["graph", "timeline", "table"] as const;
export type Tab = (typeof TABS)[number];

/** Characters of an id that are shown, and how long its being copied is. */
const ID_SHOWN = 10;
const COPIED_MS = 1_500;
const SHAPES: { readonly [status in ExecutionStatus]: number } = {
  pending: PENDING,
  running: RUNNING,
  paused: PENDING,
  cancelling: CANCELLED,
  interrupted: RETRYING,
  succeeded: SUCCEEDED,
  failed: FAILED,
  cancelled: CANCELLED,
};

/** What the header reports. */
export interface HeaderActions {
  tab(tab: Tab): void;
  command(command: Command): Promise<void>;
  filter(status: number): void;
  reconnect(): void;
}

/** The head of the view. */
export class Header {
  readonly element: HTMLElement;
  /** Room for more buttons, left of the tabs. */
  readonly tools = html("span", "wfj-commands wfj-tools");
  readonly #name = html("span", "wfj-title");
  readonly #pill = html("span", "wfj-pill");
  readonly #elapsed = html("span", "wfj-elapsed");
  readonly #badge: HTMLButtonElement;
  readonly #id: HTMLButtonElement;
  readonly #commands = html("span", "wfj-commands");
  readonly #tabs = new Map<Tab, HTMLButtonElement>();
  readonly #bar = new StackedBar("tasks done");
  readonly #reason = html("div", "wfj-reason", { role: "status" });
  readonly #tally: Tally;
  #shown = "";
  #asked: Command | null = null;

  constructor(private readonly actions: HeaderActions) {
    this.#badge = button("", "wfj-badge", () => actions.reconnect());
    this.#id = button("", "wfj-id", () => void this.#copyId());
    const tabs = html("div", "wfj-tabs", { role: "tablist", "aria-label": "View" });
    for (const tab of TABS) {
      const made = button(tab[0]!.toUpperCase() + tab.slice(1), "wfj-tab", () => actions.tab(tab));
      made.setAttribute("role", "tab");
      made.addEventListener("keydown", (event) => this.#arrow(event, tab));
      this.#tabs.set(tab, made);
      tabs.append(made);
    }
    this.#tally = new Tally("wfj-counts", true, (status) => actions.filter(status));
    const what = html("div", "wfj-what", {}, this.#name, this.#pill, this.#elapsed, this.#id, this.#badge);
    const row = html("div", "wfj-head-row", {}, what, this.#commands, this.tools, tabs);
    this.element = html("div", "wfj-head", {}, row, this.#reason, this.#bar.element, this.#tally.element);
  }

  /** Bring name, state, bar and counts up to date. */
  show(run: Run): void {
    setText(this.#name, run.workflow || "workflow");
    this.#name.title = run.workflow;
    const { status, parked } = run;
    this.#id.hidden = run.id === "" || !isFinalExecution(status);
    if (this.#id.dataset["id"] !== run.id) this.#showId(run.id);
    const shown = `${status} ${parked?.kind ?? ""}`;
    if (shown !== this.#shown) {
      this.#shown = shown;
      this.#asked = null;
      const shape = icon(parked === null ? (SHAPES[status] ?? PENDING) : RETRYING);
      const isItself = parked === null || (status === "interrupted" && parked.kind === "stopped");
      const said = isItself ? word(status) : parked.kind === "unreadable" ? "Unreadable" : "Parked";
      this.#pill.replaceChildren(shape, html("span", "", {}, said));
      this.#pill.dataset["status"] = parked === null ? status : "interrupted";
      this.#pill.hidden = status === "pending" && run.seq === 0 && parked === null;
      this.#showCommands(status, parked?.kind ?? null);
    }
    this.#reason.hidden = parked === null;
    setText(this.#reason, parked === null ? "" : `${parked.reason}${parked.kind === "waiting" ? " (goes on by itself)" : ""}`);
    this.#bar.show(run.counts);
    this.#tally.show(run.counts);
  }

  /** Bring the elapsed time up to date; `now` is the server's clock, `left` says in words, and how it is known, what is left. */
  tick(run: Run, now: number, left: readonly [string, string] = ["", ""]): void {
    const since = Number.isNaN(run.started) ? run.created : run.started;
    const seconds = run.duration ?? (now - since) / 1000;
    const final = isFinalExecution(run.status);
    const text = Number.isFinite(seconds) ? (final ? duration(seconds) : clock(seconds)) : "";
    const ahead = final ? "" : left[0];
    if (this.#elapsed.dataset["text"] === text + final + ahead) return;
    this.#elapsed.dataset["text"] = text + final + ahead;
    this.#elapsed.title = ahead ? left[1] : "";
    this.#elapsed.replaceChildren(...(text ? [html("b", "", {}, text), final ? "" : " elapsed", ahead ? ` · ${ahead}` : ""] : []));
  }

  /** Say how the picture is connected; nothing while it is live. */
  connection(state: ConnectionState, run: Run, local: number): void {
    const [text, title] = connectionWords(state, local);
    const settled = isFinalExecution(run.status) && state.kind !== "refused";
    this.#badge.hidden = text === "" || settled;
    setText(this.#badge, text);
    setAttribute(this.#badge, "title", title);
    this.#badge.dataset["kind"] = state.kind;
    this.#badge.disabled = state.kind !== "waiting";
  }

  /** Mark the tab that is open. */
  set tab(tab: Tab) {
    for (const [name, element] of this.#tabs) {
      element.setAttribute("aria-selected", String(name === tab));
      element.tabIndex = name === tab ? 0 : -1;
    }
  }

  #showId(id: string): void {
    this.#id.dataset["id"] = id;
    setText(this.#id, id.slice(0, ID_SHOWN));
    setAttribute(this.#id, "title", `Copy the id ${id}`);
    setAttribute(this.#id, "aria-label", `${id.slice(0, ID_SHOWN)}: copy the id`);
  }

  async #copyId(): Promise<void> {
    const id = this.#id.dataset["id"] ?? "";
    await copyText(id).then(() => setText(this.#id, "copied"), (error: Error) => setText(this.#id, error.message));
    setTimeout(() => this.#showId(id), COPIED_MS);
  }

  #showCommands(status: ExecutionStatus, parked: string | null): void {
    const make = (text: string, command: Command, label: string): HTMLButtonElement =>
      button(text, "wfj-command", () => this.#give(command), label);
    const made: HTMLButtonElement[] = [];
    if (parked === "unreadable") {
      this.#commands.replaceChildren();
      return;
    }
    if (parked === "stopped") made.push(make("Resume", "resume", "Go on from what is on disk"));
    if (status === "running" && parked === null) made.push(make("Pause", "pause", "Start no more tasks"));
    if (status === "paused" && parked === null) made.push(make("Resume", "resume", "Start tasks again"));
    if (status === "running" || status === "paused") made.push(make("Cancel", "cancel", "Cancel the execution"));
    if (status === "cancelling") {
      const waiting = make("Cancelling…", "cancel", "The execution is being cancelled");
      waiting.disabled = true;
      made.push(waiting);
    }
    if (status === "failed" || status === "cancelled") made.push(make("Retry", "retry", "Run what did not succeed again"));
    this.#commands.replaceChildren(...made);
  }

  #give(command: Command): void {
    if (this.#asked !== null) return;
    this.#asked = command;
    const buttons = [...this.#commands.querySelectorAll("button")];
    const release = (): void => {
      this.#asked = null;
      for (const element of buttons) element.disabled = false;
    };
    for (const element of buttons) element.disabled = true;
    // the state that follows brings other buttons; where none follows, these come back
    this.actions.command(command).then(() => setTimeout(release, 3_000), release);
  }

  #arrow(event: KeyboardEvent, tab: Tab): void {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (step === 0) return;
    event.preventDefault();
    event.stopPropagation();
    const next = TABS[(TABS.indexOf(tab) + step + TABS.length) % TABS.length]!;
    this.actions.tab(next);
    this.#tabs.get(next)!.focus();
  }
}

function word(status: ExecutionStatus): string {
  return status[0]!.toUpperCase() + status.slice(1);
}

/** The tab of that name, or the graph. */
export function tabOf(name: unknown): Tab {
  return TABS.find((tab) => tab === name) ?? "graph";
}
