// A group that is too large for its card: all items as a grid of squares, or a sub-workflow's own graph.
import type { Changes, Run } from "../fold/run.ts";
import { FAILED, PENDING, RUNNING, SKIPPED, SUCCEEDED, CANCELLED, URGENCY } from "../fold/statuses.ts";
import { button, html, setAttribute, setText } from "../draw/element.ts";
import { groupFacts, taskFacts } from "../draw/facts.ts";
import { GraphView } from "../draw/graph.ts";
import { membersOf } from "../draw/group.ts";
import { icon, octagon } from "../draw/icons.ts";
import type { Palette } from "../draw/palette.ts";
import { count, duration, headline } from "../draw/format.ts";
import type { Session } from "./session.ts";

const COLUMNS = [10, 20, 25, 50, 100, 200, 250, 500];
const LARGEST = 14;
const TALLEST = 170;

/** What the drawer reports. */
export interface DrawerActions {
  close(): void;
  select(key: string): void;
  drawer(key: string): void;
  palette(): Palette;
  /** Run a failed task again, with what waits for it. */
  retry(key: string): void;
  /** Called when another item is shown. */
  changed(): void;
}

/** The drawer of the group `key`. */
export class Drawer {
  readonly element: HTMLElement;
  readonly #title = html("div", "wfj-panel-title");
  readonly #stats = html("span", "wfj-dim");
  readonly #order: HTMLButtonElement;
  readonly #canvas = html("canvas", "wfj-grid", { tabindex: 0, role: "application" });
  readonly #box: HTMLElement;
  readonly #line = html("div", "wfj-item", { "aria-live": "polite" });
  readonly #inner: GraphView | null = null;
  #rows: readonly number[] = [];
  #cell = LARGEST;
  #columns = 1;
  #chosen = -1;
  #problemsFirst = false;
  #isLed = false;

  constructor(
    private readonly session: Session,
    readonly key: string,
    private readonly actions: DrawerActions,
    signal: AbortSignal,
  ) {
    const shut = button("×", "wfj-close", () => actions.close(), "Close the group");
    this.#order = button("Failed first", "wfj-toggle-button", () => this.#reorder());
    this.#order.setAttribute("aria-pressed", "false");
    const head = html("div", "wfj-panel-head", {}, this.#title, this.#stats, this.#order, shut);
    this.#box = html("div", "wfj-grid-box", {}, this.#canvas);
    this.element = html("section", "wfj-drawer", { "aria-label": `Tasks of ${key}` }, head, this.#box, this.#line);
    const index = session.run.groupRows.get(key);
    if (index !== undefined && session.run.groups[index]!.kind === "workflow") {
      this.#inner = new GraphView(session.run, key, {
        select: (name) => name !== null && actions.select(name),
        drawer: (name) => name !== null && actions.drawer(name),
        palette: actions.palette,
      }, signal);
      this.#inner.height = 360;
      this.#box.replaceChildren(this.#inner.element);
      this.#order.hidden = this.#line.hidden = true;
    }
    this.#canvas.addEventListener("click", (event) => this.#press(event), { signal });
    this.#canvas.addEventListener("keydown", (event) => this.#key(event), { signal });
    this.element.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      actions.close();
    }, { signal });
  }

  /** Whether its line tells of a failure. */
  get tellsFailure(): boolean {
    return !this.#line.hidden && this.#chosen >= 0 && this.session.run.tasks.status[this.#chosen] === FAILED;
  }

  /** Whether a panel tells of a task: then the line is silent. */
  set isLed(led: boolean) {
    this.#isLed = led;
    if (this.#inner === null) this.#showLine();
  }

  changed(changes: Changes): void {
    const index = this.session.run.groupRows.get(this.key);
    this.#inner?.update(changes, this.session.clock.now());
    if (index === undefined || !(changes.structure || changes.groups.has(index))) return;
    this.show();
  }

  /** Bring everything up to date. */
  show(): void {
    const { run, clock } = this.session;
    const index = run.groupRows.get(this.key);
    if (index === undefined) return;
    this.#inner?.refresh(clock.now());
    const facts = groupFacts(run.groups[index]!);
    this.#rows = this.#sorted(run, membersOf(run, index));
    const chip = html("span", "wfj-chip", {}, `× ${count(this.#rows.length)}`);
    this.#title.replaceChildren(icon(facts.status), html("b", "", {}, this.key), chip);
    setText(this.#stats, statistics(run, this.#rows));
    if (this.#inner !== null) return;
    setAttribute(this.#canvas, "aria-label", `${facts.spoken}. Arrow keys choose an item, Enter opens it.`);
    const chosen = this.#chosen;
    if (chosen < 0) this.#chosen = this.#rows.find((row) => run.tasks.status[row] === FAILED) ?? -1;
    this.#paint();
    this.#showLine();
    if (this.#chosen !== chosen) this.actions.changed();
  }

  /** Another width. */
  resized(): void {
    this.#inner?.resized();
    this.#paint();
  }

  /** Free what the page does not collect by itself. */
  dispose(): void {
    this.#inner?.dispose();
    this.#canvas.width = this.#canvas.height = 0;
  }

  #reorder(): void {
    this.#problemsFirst = !this.#problemsFirst;
    this.#order.setAttribute("aria-pressed", String(this.#problemsFirst));
    this.show();
  }

  #sorted(run: Run, rows: readonly number[]): readonly number[] {
    if (!this.#problemsFirst) return rows;
    const rank = (row: number): number => URGENCY[run.tasks.status[row]!]!;
    return [...rows].sort((a, b) => rank(a) - rank(b) || a - b);
  }

  #paint(): void {
    const width = this.#box.clientWidth - 32;
    const many = this.#rows.length;
    if (this.#inner !== null || width <= 0 || many === 0) return;
    const possible = COLUMNS.filter((columns) => width / columns >= 3);
    const fits = (columns: number): boolean => Math.ceil(many / columns) * Math.min(LARGEST, width / columns) <= TALLEST;
    this.#columns = possible.find(fits) ?? possible.at(-1) ?? COLUMNS[0]!;
    this.#cell = Math.min(LARGEST, width / this.#columns);
    const height = Math.ceil(many / this.#columns) * this.#cell;
    const ratio = Math.min(2, devicePixelRatio || 1);
    this.#canvas.width = Math.round(this.#columns * this.#cell * ratio);
    this.#canvas.height = Math.round(height * ratio);
    this.#canvas.style.width = `${this.#columns * this.#cell}px`;
    this.#canvas.style.height = `${height}px`;
    const context = this.#canvas.getContext("2d");
    if (context === null) return;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.#paintCells(context, this.actions.palette());
  }

  #paintCells(context: CanvasRenderingContext2D, palette: Palette): void {
    const { tasks } = this.session.run;
    const size = this.#cell - (this.#cell > 6 ? 2 : 1);
    this.#rows.forEach((row, i) => {
      const status = tasks.status[row]!;
      const [x, y] = [(i % this.#columns) * this.#cell, Math.floor(i / this.#columns) * this.#cell];
      context.fillStyle = context.strokeStyle = status === SUCCEEDED ? palette.soft : palette.status[status]!;
      context.lineWidth = 1;
      if (status === PENDING || status === SKIPPED || status === CANCELLED) context.strokeRect(x + 0.5, y + 0.5, size - 1, size - 1);
      else if (status === RUNNING) context.fillRect(x, y + size * 0.35, size, size * 0.65);
      else if (status === FAILED && size >= 6) {
        octagon(context, x + size / 2, y + size / 2, size / 2 + 0.5);
        context.fill();
      } else context.fillRect(x, y, size, size);
      if (row !== this.#chosen) return;
      context.strokeStyle = palette.ink;
      context.lineWidth = 2;
      context.strokeRect(x - 1, y - 1, size + 2, size + 2);
    });
  }

  #showLine(): void {
    const { run, clock } = this.session;
    const row = this.#chosen;
    this.#line.hidden = this.#isLed || row < 0 || run.tasks.removed[row] === 1;
    if (this.#line.hidden) return;
    const facts = taskFacts(run, row, clock.now());
    const error = run.tasks.errors.get(row);
    const text = error && facts.status === FAILED ? headline(error) : facts.detail;
    const key = run.tasks.keys[row]!;
    const shown = `${key} ${facts.status} ${text}`;
    if (this.#line.dataset["shown"] === shown) return;
    this.#line.dataset["shown"] = shown;
    const about = [run.tasks.workers[row]!, duration(run.tasks.duration[row]!)].filter(Boolean).join(" · ");
    const words = html("span", facts.status === FAILED ? "wfj-code" : "wfj-dim", {}, text);
    const open = button(error?.traceback ? "Traceback" : "Details", "wfj-action", () => this.actions.select(key));
    const item = html("b", "", {}, facts.name.startsWith(this.key) ? facts.name.slice(this.key.length) : facts.name);
    const again = button("Retry from here", "wfj-action", () => this.actions.retry(key), "Retry from here: this task, and what waits for it");
    const canRetry = facts.status === FAILED && this.session.canAsk;
    this.#line.replaceChildren(icon(facts.status), item, words, html("span", "wfj-dim", {}, about), open, ...(canRetry ? [again] : []));
  }

  #press(event: MouseEvent): void {
    const box = this.#canvas.getBoundingClientRect();
    const column = Math.floor((event.clientX - box.left) / this.#cell);
    const row = this.#rows[Math.floor((event.clientY - box.top) / this.#cell) * this.#columns + column];
    if (row === undefined || column >= this.#columns) return;
    if (row === this.#chosen) this.actions.select(this.session.run.tasks.keys[row]!);
    this.#choose(row);
  }

  #choose(row: number): void {
    this.#chosen = row;
    this.#paint();
    this.#showLine();
    this.actions.changed();
  }

  #key(event: KeyboardEvent): void {
    const steps: Readonly<Record<string, number>> = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: this.#columns, ArrowUp: -this.#columns };
    const step = steps[event.key];
    if (step === undefined && event.key !== "Enter") return;
    event.preventDefault();
    event.stopPropagation();
    if (step === undefined) {
      if (this.#chosen >= 0) this.actions.select(this.session.run.tasks.keys[this.#chosen]!);
      return;
    }
    const place = this.#rows.indexOf(this.#chosen);
    const next = this.#rows[place < 0 ? 0 : place + step];
    if (next !== undefined) this.#choose(next);
  }
}

/** Median and 95th percentile of what has finished, and how many run now. */
function statistics(run: Run, rows: readonly number[]): string {
  const times = rows.map((row) => run.tasks.duration[row]!).filter((time) => !Number.isNaN(time)).sort((a, b) => a - b);
  const running = rows.reduce((n, row) => n + Number(run.tasks.status[row] === RUNNING), 0);
  const at = (share: number): string => duration(times[Math.min(times.length - 1, Math.floor(times.length * share))]!);
  const parts = times.length > 1 ? [`p50 ${at(0.5)}`, `p95 ${at(0.95)}`] : [];
  return [...parts, running > 0 ? `${count(running)} running` : ""].filter(Boolean).join(" · ");
}
