// The list of executions: what the side panel shows, and `wf.executions()` in a cell.
import { html, setText } from "../draw/element.ts";
import { icon } from "../draw/icons.ts";
import { isDark, watchTheme } from "../draw/palette.ts";
import { AdoptedSheet } from "../draw/sheets.ts";
import { count } from "../draw/format.ts";
import { FAILED, RUNNING } from "../fold/statuses.ts";
import type { Summary } from "../protocol/messages.gen.ts";
import { connectionWords } from "../protocol/connection-text.ts";
import type { Board } from "./board.ts";
import { Entry, type EntryActions } from "./entry.ts";
import { LISTING } from "./listing-style.ts";
import { sign, type Sign } from "./signs.ts";
import { dayOf, isFinished, matches } from "./summary-words.ts";

export interface ListingActions extends EntryActions {
  compare(before: Summary, after: Summary): void;
  /** Open the page of all executions. */
  page(): void;
}

const KINDS = ["all", "running", "failed"] as const;
type Kind = (typeof KINDS)[number];
const TICK_MS = 1_000;

export class Listing {
  readonly element: HTMLElement;
  readonly #search = html("input", "wfj-listing-search", { type: "search", placeholder: "Search name, input or id", "aria-label": "Search executions" });
  readonly #chips = new Map<Kind, HTMLButtonElement>();
  readonly #list = html("div", "wfj-listing-list");
  readonly #status = html("p", "wfj-listing-status", { role: "status" });
  readonly #older = html("button", "wfj-listing-older", { type: "button" }, "Older executions");
  readonly #comparing = html("div", "wfj-listing-comparing", { hidden: true, role: "status" });
  readonly #compare: HTMLButtonElement;
  readonly #entries = new Map<string, Entry>();
  readonly #sheet = new AdoptedSheet(LISTING);
  readonly #ending = new AbortController();
  #kind: Kind = "all";
  #chosen: string[] = [];

  constructor(
    private readonly board: Board,
    private readonly actions: ListingActions,
    title: string,
  ) {
    const { signal } = this.#ending;
    this.#compare = this.#tool("compare", "Choose two to compare", () => this.#choose(this.#comparing.hidden));
    this.#compare.setAttribute("aria-pressed", "false");
    const tools = html("div", "wfj-listing-tools", {}, this.#compare, this.#tool("retry", "Read the list again", () => board.refresh()), this.#tool("page", "Open the page of all executions", () => actions.page()));
    const chips = html("div", "wfj-listing-chips", { role: "group", "aria-label": "Which executions" });
    for (const kind of KINDS) chips.append(this.#chip(kind));
    this.element = html("section", "wfj-listing", { "aria-label": title, "data-lm-suppress-shortcuts": "true" },
      html("header", "wfj-listing-head", {},
        html("div", "wfj-listing-title", {}, html("h2", "", {}, title), tools),
        html("label", "wfj-listing-find", {}, sign("search"), this.#search),
        chips),
      this.#comparing, this.#status, this.#list, this.#older);
    this.#search.addEventListener("input", () => this.#show(), { signal });
    this.#older.addEventListener("click", () => void board.older(), { signal });
    this.element.addEventListener("keydown", (event) => this.#key(event), { signal });
    const theme = (): void => void this.element.classList.toggle("wfj-dark", isDark());
    theme();
    const unwatch = watchTheme(theme);
    const leave = board.join({ changed: () => this.#show() });
    const ticking = setInterval(() => this.#tick(), TICK_MS);
    signal.addEventListener("abort", () => {
      unwatch();
      leave();
      clearInterval(ticking);
    });
    this.#sheet.follow(this.element);
  }

  dispose(): void {
    this.#ending.abort();
    this.#sheet.remove();
    this.element.remove();
  }

  focus(): void {
    this.#search.focus();
  }

  // -- showing ------------------------------------------------------------------------------------

  #show(): void {
    const { board } = this;
    const now = Date.now();
    const text = this.#search.value.trim();
    const all = board.summaries;
    const kinds: Readonly<Record<Kind, readonly Summary[]>> = {
      all,
      running: all.filter((summary) => !isFinished(summary)),
      failed: all.filter(({ status }) => status === "failed"),
    };
    for (const [kind, chip] of this.#chips) {
      setText(chip.lastElementChild!, count(kinds[kind].length) + (kind === "all" && board.hasMore ? "+" : ""));
      chip.setAttribute("aria-pressed", String(kind === this.#kind));
    }
    const shown = kinds[this.#kind].filter((summary) => text === "" || matches(summary, text));
    this.#arrange(shown, now);
    this.#older.hidden = !board.hasMore;
    setText(this.#status, this.#words(shown.length, text));
    this.#status.hidden = this.#status.textContent === "";
    this.element.classList.toggle("wfj-listing-stale", board.isRead && !board.isCurrent);
  }

  #words(shown: number, text: string): string {
    const { board } = this;
    if (board.trouble !== "" && board.isCurrent) return board.trouble;
    if (!board.isCurrent && board.connection.kind !== "connecting" && board.connection.kind !== "disconnected") {
      return connectionWords(board.connection, Date.now())[0];
    }
    if (!board.isRead || shown > 0) return "";
    if (text !== "" || this.#kind !== "all") return board.hasMore ? "None of the latest is like that." : "No execution is like that.";
    return "No executions yet. Submit a workflow from a notebook and it appears here.";
  }

  /** Entries under the headings of their days. What stands where it belongs is not touched: it may have the focus. */
  #arrange(shown: readonly Summary[], now: number): void {
    const days = new Map<string, Summary[]>();
    for (const summary of shown) {
      const day = dayOf(summary, now);
      days.set(day, [...(days.get(day) ?? []), summary]);
    }
    const held = new Map([...this.#list.children].map((part) => [(part as HTMLElement).dataset["day"]!, part as HTMLElement]));
    for (const [day, part] of held) if (!days.has(day)) part.remove();
    const kept = new Set(shown.map(({ id }) => id));
    for (const [id, entry] of this.#entries) {
      if (kept.has(id)) continue;
      entry.element.remove();
      this.#entries.delete(id);
    }
    let place = this.#list.firstElementChild;
    for (const [day, summaries] of days) {
      const part = held.get(day) ?? html("div", "wfj-listing-day", { "data-day": day }, html("h3", "", {}, day), html("ul", "", { "aria-label": day }));
      if (part === place) place = place.nextElementSibling;
      else this.#list.insertBefore(part, place);
      this.#fill(part.lastElementChild as HTMLElement, summaries);
    }
  }

  #fill(list: HTMLElement, summaries: readonly Summary[]): void {
    let place = list.firstElementChild;
    for (const summary of summaries) {
      const { element } = this.#entry(summary);
      if (element === place) place = place.nextElementSibling;
      else list.insertBefore(element, place);
    }
  }

  #entry(summary: Summary): Entry {
    const known = this.#entries.get(summary.id);
    if (known !== undefined) {
      if (known.summary !== summary) known.show(summary);
      return known;
    }
    const entry = new Entry(summary, this.actions);
    entry.chosen.hidden = this.#comparing.hidden;
    entry.chosen.addEventListener("change", () => this.#pick(summary.id, entry.chosen.checked));
    this.#entries.set(summary.id, entry);
    return entry;
  }

  #tick(): void {
    // without a connection all clocks stand: how long it took cannot be known
    if (!this.board.isCurrent || !this.element.isConnected || this.element.offsetParent === null) return;
    const now = Date.now();
    for (const entry of this.#entries.values()) if (!isFinished(entry.summary)) entry.tick(now);
  }

  // -- comparing ----------------------------------------------------------------------------------

  #choose(chooses: boolean): void {
    this.#comparing.hidden = !chooses;
    this.#compare.setAttribute("aria-pressed", String(chooses));
    this.#chosen = [];
    for (const entry of this.#entries.values()) {
      entry.chosen.hidden = !chooses;
      entry.chosen.checked = false;
    }
    setText(this.#comparing, "Choose two executions: the earlier one is what the other is compared with.");
  }

  #pick(id: string, chosen: boolean): void {
    this.#chosen = this.#chosen.filter((other) => other !== id);
    if (chosen) this.#chosen.push(id);
    if (this.#chosen.length < 2) return;
    const [before, after] = [...this.#chosen].sort().map((other) => this.board.summary(other));
    this.#choose(false);
    if (before !== undefined && after !== undefined) this.actions.compare(before, after);
  }

  // -- parts --------------------------------------------------------------------------------------

  #tool(shape: Sign, words: string, act: () => void): HTMLButtonElement {
    const made = html("button", "wfj-entry-button", { type: "button", title: words, "aria-label": words }, sign(shape));
    made.addEventListener("click", act);
    return made;
  }

  #chip(kind: Kind): HTMLButtonElement {
    const shape = kind === "running" ? icon(RUNNING) : kind === "failed" ? icon(FAILED) : null;
    const word = kind[0]!.toUpperCase() + kind.slice(1);
    const chip = html("button", "wfj-listing-chip", { type: "button", "aria-pressed": "false" }, shape, html("span", "", {}, word), html("b"));
    chip.addEventListener("click", () => {
      this.#kind = kind;
      this.#show();
    });
    this.#chips.set(kind, chip);
    return chip;
  }

  #key(event: KeyboardEvent): void {
    const target = event.target as Element;
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === "/" && target !== this.#search) this.#search.focus();
    else if (event.key === "Escape" && target === this.#search && this.#search.value !== "") {
      this.#search.value = "";
      this.#show();
    } else {
      const names = [...this.#list.querySelectorAll<HTMLElement>(".wfj-entry-name")];
      const at = names.indexOf(target.closest(".wfj-entry")?.querySelector(".wfj-entry-name") as HTMLElement);
      const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: names.length - 1 }[event.key];
      const isCursor = to === undefined || (target === this.#search && event.key !== "ArrowDown") || names[to] === undefined;
      if (isCursor) return;
      names[to]!.focus();
    }
    event.preventDefault();
    event.stopPropagation();
  }
}
