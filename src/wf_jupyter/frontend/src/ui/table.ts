// All tasks as a table: sortable, filtered, virtual; also the accessible form of the graph.
import type { Changes } from "../fold/run.ts";
import { reasonText } from "../fold/reason.ts";
import { CACHED, FAILED, hasValue, RUNNING, STATUSES, statusName, URGENCY } from "../fold/statuses.ts";
import { button, html, setText } from "../draw/element.ts";
import { icon } from "../draw/icons.ts";
import { bytes, count, duration, fact, headline } from "../draw/format.ts";
import { copyText, sheetCell } from "./clipboard.ts";
import { VirtualRows } from "./rows.ts";
import type { Session } from "./session.ts";

const ROW = 27;
const SETTLE_MS = 200;
/** The choice of all but what is done. */
const OPEN = "open";
/** Seconds to choose from. */
const LEAST = [0, 1, 10, 60, 600, 3600];
const COLUMNS = ["Status", "Task", "Tries", "Started", "Duration", "Used", "Result"] as const;
type Column = (typeof COLUMNS)[number];

/** The table of a run. */
export class TableView {
  readonly element: HTMLElement;
  readonly #search = html("input", "wfj-search", { type: "search", placeholder: "Find a task", "aria-label": "Find a task" });
  readonly #status = html("select", "wfj-select", { "aria-label": "Status" });
  readonly #tries = html("select", "wfj-select", { "aria-label": "Tries" });
  readonly #least = html("select", "wfj-select", { "aria-label": "Duration" });
  readonly #found = html("span", "wfj-dim", { role: "status" });
  readonly #urgent: HTMLButtonElement;
  readonly #heads = new Map<Column, HTMLElement>();
  readonly #rows: VirtualRows;
  #order: number[] = [];
  #places = new Map<number, number>();
  #sort: Column | null = null;
  #descending = false;
  #late: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly session: Session,
    private readonly select: (key: string) => void,
    signal: AbortSignal,
  ) {
    this.#status.append(html("option", "", { value: "" }, "all"), html("option", "", { value: OPEN }, "not finished"));
    for (const status of STATUSES) this.#status.append(html("option", "", { value: status }, status));
    for (const [value, text] of [["0", "any tries"], ["2", "tried again"], ["3", "3 or more"]] as const) this.#tries.append(html("option", "", { value }, text));
    for (const seconds of LEAST) this.#least.append(html("option", "", { value: seconds }, seconds === 0 ? "any time" : `≥ ${duration(seconds)}`));
    const copy = button("Copy", "wfj-toggle-button", () => void copyText(this.#text()).then(() => setText(this.#found, "copied"), (error: Error) => setText(this.#found, error.message)), "Copy the rows as tab-separated text");
    this.#urgent = button("Failed first", "wfj-toggle-button", () => this.#sortBy(this.#isUrgent ? null : "Status", false));
    this.#urgent.setAttribute("aria-pressed", "false");
    const head = html("div", "wfj-row wfj-row-head", { role: "row" });
    for (const column of COLUMNS) head.append(this.#makeHead(column));
    this.#rows = new VirtualRows("wfj-rows", () => ROW, (index) => this.#makeRow(index), signal);
    const bar = html("div", "wfj-table-bar", {}, this.#search, this.#status, this.#tries, this.#least, this.#urgent, this.#found, copy);
    const table = html("div", "wfj-table", { role: "table", "aria-label": "Tasks" });
    table.append(html("div", "", { role: "rowgroup" }, head), this.#rows.element);
    this.element = html("div", "wfj-table-view", {}, bar, table);
    this.#search.addEventListener("input", () => this.refresh(), { signal });
    for (const choice of [this.#status, this.#tries, this.#least]) choice.addEventListener("change", () => this.refresh(), { signal });
    this.#rows.element.addEventListener("click", (event) => this.#press(event.target as Element), { signal });
    this.#rows.element.addEventListener("keydown", (event) => this.#key(event), { signal });
    signal.addEventListener("abort", () => clearTimeout(this.#late));
  }

  /** Show only tasks of one status. */
  filter(status: number): void {
    this.#status.value = statusName(status);
    this.refresh();
  }

  /** Show at most so many pixels of rows. */
  set height(pixels: number) {
    this.#rows.element.style.maxHeight = `${Math.max(120, pixels)}px`;
  }

  changed(changes: Changes): void {
    const [tries, least] = this.#bounds();
    if (changes.structure || this.#sort !== null || this.#status.value || tries > 0 || least > 0) this.#late ??= setTimeout(() => this.refresh(), changes.structure ? 0 : SETTLE_MS);
    else for (const row of changes.tasks) this.#renew(row);
  }

  /** Find, filter and sort again. */
  refresh(): void {
    clearTimeout(this.#late);
    this.#late = undefined;
    const { tasks } = this.session.run;
    const now = this.session.clock.now();
    const [tries, least] = this.#bounds();
    const wanted = this.#search.value.trim().toLowerCase();
    const status = this.#status.value;
    this.#order = [];
    for (let row = 0; row < tasks.length; row++) {
      if (tasks.removed[row]) continue;
      if (status === OPEN ? hasValue(tasks.status[row]!) : status && statusName(tasks.status[row]!) !== status) continue;
      if (wanted && !tasks.keys[row]!.toLowerCase().includes(wanted)) continue;
      if (tasks.attempts[row]! < tries || (least > 0 && !(this.#seconds(row, now) >= least))) continue;
      this.#order.push(row);
    }
    if (this.#sort !== null) this.#order.sort(this.#comparison(this.#sort));
    this.#places = new Map(this.#order.map((row, place) => [row, place]));
    const all = this.session.run.rows.size === this.#order.length;
    setText(this.#found, `${count(this.#order.length)} ${all ? "tasks" : `of ${count(this.session.run.rows.size)} tasks`}`);
    this.#rows.element.style.height = `${Math.max(1, this.#order.length) * ROW}px`;
    this.#rows.show(this.#order.length);
  }

  #bounds(): readonly [number, number] {
    return [Number(this.#tries.value), Number(this.#least.value)];
  }

  /** All rows that are found, also those out of sight, as tab-separated text. */
  #text(): string {
    const now = this.session.clock.now();
    const line = (cells: readonly string[]): string => cells.map(sheetCell).join("\t");
    return [line(COLUMNS), ...this.#order.map((row) => line(this.#cells(row, now)))].join("\n");
  }

  /** Durations of running tasks. */
  tick(): void {
    const { status } = this.session.run.tasks;
    this.#order.forEach((row, place) => {
      if (status[row] === RUNNING) this.#rows.renew(place);
    });
  }

  #comparison(column: Column): (a: number, b: number) => number {
    const { tasks } = this.session.run;
    const now = this.session.clock.now();
    const value = (row: number): number | string => {
      switch (column) {
        case "Status":
          return URGENCY[tasks.status[row]!]!;
        case "Task":
          return tasks.keys[row]!;
        case "Tries":
          return tasks.attempts[row]!;
        case "Started":
          return tasks.started[row]!;
        case "Duration":
          return this.#seconds(row, now);
        case "Used":
          return this.session.usages.get(tasks.keys[row]!)?.cpu ?? Number.NaN;
        case "Result":
          return tasks.results.get(row)?.size ?? Number.NaN;
      }
    };
    const names = new Intl.Collator("en", { numeric: true });
    const sign = this.#descending ? -1 : 1;
    return (a, b) => {
      const [x, y] = [value(a), value(b)];
      if (typeof x === "string" || typeof y === "string") return sign * names.compare(String(x), String(y)) || a - b;
      if (Number.isNaN(x) || Number.isNaN(y)) return Number(Number.isNaN(x)) - Number(Number.isNaN(y)) || a - b;
      return sign * (x - y) || a - b;
    };
  }

  #seconds(row: number, now: number): number {
    const { tasks } = this.session.run;
    return tasks.status[row] === RUNNING ? (now - tasks.started[row]!) / 1000 : tasks.duration[row]!;
  }

  get #isUrgent(): boolean {
    return this.#sort === "Status" && !this.#descending;
  }

  #sortBy(column: Column | null, descending: boolean): void {
    this.#sort = column;
    this.#descending = descending;
    for (const [name, element] of this.#heads) {
      element.setAttribute("aria-sort", name !== column ? "none" : descending ? "descending" : "ascending");
    }
    this.#urgent.setAttribute("aria-pressed", String(this.#isUrgent));
    this.refresh();
  }

  #makeHead(column: Column): HTMLElement {
    const press = html("button", "wfj-sort", { type: "button" }, column);
    const head = html("span", "wfj-cell", { role: "columnheader", "aria-sort": "none" }, press);
    press.addEventListener("click", () => {
      this.#sortBy(column, this.#sort === column ? !this.#descending : column !== "Task" && column !== "Status");
    });
    this.#heads.set(column, head);
    return head;
  }

  #makeRow(index: number): HTMLElement {
    const row = this.#order[index]!;
    const { run, clock, history } = this.session;
    const { tasks } = run;
    const status = tasks.status[row]!;
    const now = clock.now();
    const [, , tries, started, took, used, last] = this.#cells(row, now) as [string, string, string, string, string, string, string];
    const cell = (...children: (Node | string)[]): HTMLElement => html("span", "wfj-cell", { role: "cell" }, ...children);
    const name = html("button", "wfj-link", { type: "button", tabindex: -1 }, tasks.keys[row]!);
    const element = html("div", "wfj-row", { role: "row", "aria-rowindex": index + 2 });
    element.append(
      cell(icon(status), statusName(status)),
      cell(name),
      cell(tries),
      cell(started),
      cell(took),
      cell(used),
      cell(last),
    );
    if (history.isUnusual(run, row, now)) {
      element.children[4]!.classList.add("wfj-unusual");
      element.children[4]!.setAttribute("title", "far longer than usual");
    }
    element.lastElementChild!.setAttribute("title", last);
    element.dataset["status"] = statusName(status);
    element.dataset["key"] = tasks.keys[row]!;
    return element;
  }

  /** The row in words, one for each column. */
  #cells(row: number, now: number): readonly string[] {
    const { run } = this.session;
    const { tasks } = run;
    const status = tasks.status[row]!;
    const error = tasks.errors.get(row);
    const result = tasks.results.get(row);
    const begun = Number.isNaN(run.started) ? run.created : run.started;
    const reason = tasks.reasons.get(row);
    const said = error && status === FAILED ? headline(error) : reason && reasonText(reason);
    const last = said || [fact(result), result?.size ? bytes(result.size) : ""].filter(Boolean).join(" · ");
    const tries = tasks.attempts[row]! > 0 ? count(tasks.attempts[row]!) : "";
    const took = status === CACHED ? "" : duration(this.#seconds(row, now));
    return [statusName(status), tasks.keys[row]!, tries, duration((tasks.started[row]! - begun) / 1000), took, this.#used(row), last];
  }

  /** Seconds of the processor, and memory at the peak. */
  #used(row: number): string {
    const used = this.session.usages.get(this.session.run.tasks.keys[row]!);
    return used === undefined ? "" : [duration(used.cpu), used.memory ? bytes(used.memory) : ""].filter(Boolean).join(" · ");
  }

  #renew(row: number): void {
    const place = this.#places.get(row);
    if (place !== undefined) this.#rows.renew(place);
  }

  #press(target: Element): void {
    const key = target.closest<HTMLElement>(".wfj-row")?.dataset["key"];
    if (key !== undefined && getSelection()?.isCollapsed !== false) this.select(key);
  }

  #key(event: KeyboardEvent): void {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step === 0) return;
    event.preventDefault();
    event.stopPropagation();
    const key = document.activeElement?.closest<HTMLElement>(".wfj-row")?.dataset["key"];
    const row = key === undefined ? undefined : this.session.run.rows.get(key);
    const place = row === undefined ? -1 : (this.#places.get(row) ?? -1);
    const next = Math.max(0, Math.min(this.#order.length - 1, place + step));
    this.#rows.reveal(next);
    this.#rows.at(next)?.querySelector<HTMLElement>(".wfj-link")?.focus({ preventScroll: true });
  }
}
