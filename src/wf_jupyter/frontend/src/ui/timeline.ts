// Attempts as bars over time: retries and waits visible, groups as how many ran at once, the critical path in ink.
import { criticalPath, heaviest, idleGaps, pathLength } from "../fold/critical.ts";
import type { Changes, Run } from "../fold/run.ts";
import { isFinalExecution, statusName } from "../fold/statuses.ts";
import { drawn, type Drawn, type DrawnNode } from "../layout/visible-graph.ts";
import { button, html, setText } from "../draw/element.ts";
import { groupFacts, label, nodeStatus } from "../draw/facts.ts";
import { icon } from "../draw/icons.ts";
import { clock, count, duration } from "../draw/format.ts";
import { plan, type Plan } from "./estimate.ts";
import { VirtualRows } from "./rows.ts";
import type { Session } from "./session.ts";
import { attemptSpans, groupLane, peakOf, taskLane, type LaneView } from "./timeline-bars.ts";
import { Scale, type Tick } from "./timeline-scale.ts";

const ROW = 27;
const TALL = 58;
const HEAD = 30;
const SETTLE_MS = 200;
/** For each millisecond that a tick took, so many without one. */
const RESTS = 15;
/** An idle stretch shorter than this part of the run is not worth pressing together. */
const WORTH = 0.08;
const NAMED = 7;

/** The timeline of the outermost scope. */
export class TimelineView {
  readonly element: HTMLElement;
  readonly #over = html("div", "wfj-lane-area", { "aria-hidden": "true" });
  readonly #axis = html("div", "wfj-axis");
  readonly #now = html("div", "wfj-now");
  readonly #label = html("span", "wfj-now-label");
  readonly #foot = html("div", "wfj-path");
  readonly #press: HTMLButtonElement;
  readonly #rows: VirtualRows;
  #drawing: Drawn = { nodes: [], sources: [], targets: [], of: () => undefined };
  #order: number[] = [];
  #places: number[] = [];
  #plan: Plan = { known: [], expected: [], left: null };
  #path: number[] = [];
  #before = new Map<number, number>();
  #scale = new Scale(0, 1);
  #gaps: [number, number][] = [];
  #pressed = false;
  #rest = 0;
  #cost = 0;
  #late: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly session: Session,
    private readonly select: (key: string) => void,
    signal: AbortSignal,
  ) {
    this.#now.append(this.#label);
    const heightOf = (index: number): number => (this.#node(index).group < 0 ? ROW : TALL);
    this.#rows = new VirtualRows("wfj-lanes", heightOf, (index) => this.#makeRow(index), signal);
    this.#rows.element.setAttribute("role", "list");
    this.#rows.element.setAttribute("aria-label", "Tasks in time, up and down to choose, Enter to open");
    this.#press = button("Press idle time together", "wfj-toggle-button", () => this.#togglePressed());
    this.#over.append(this.#axis, this.#now);
    const box = html("div", "wfj-timeline-box", {}, this.#rows.element, this.#over);
    this.element = html("div", "wfj-timeline", {}, box, this.#foot);
    this.#rows.element.addEventListener("click", (event) => this.#open(event.target as Element), { signal });
    this.#rows.element.addEventListener("keydown", (event) => this.#key(event), { signal });
    signal.addEventListener("abort", () => clearTimeout(this.#late));
  }

  /** Show at most so many pixels of rows. */
  set height(pixels: number) {
    this.#rows.element.style.maxHeight = `${Math.max(120, pixels)}px`;
  }

  changed(changes: Changes): void {
    if (changes.structure) this.refresh();
    else if (changes.tasks.size > 0) this.#late ??= setTimeout(() => this.refresh(), Math.max(SETTLE_MS, this.#cost * RESTS));
  }

  /** Bring everything up to date. */
  refresh(): void {
    clearTimeout(this.#late);
    this.#late = undefined;
    const begun = performance.now();
    this.#drawing = drawn(this.session.run);
    this.#measure();
    const { expected } = this.#plan;
    const begin = (index: number): number => (Number.isNaN(expected[index]!.begin) ? Number.POSITIVE_INFINITY : expected[index]!.begin);
    this.#order = this.#drawing.nodes.map((_, index) => index).sort((a, b) => compare(begin(a), begin(b)) || a - b);
    this.#places = [];
    this.#order.forEach((index, place) => (this.#places[index] = place));
    this.#rows.show(this.#order.length);
    this.#rows.element.style.height = `${Math.max(ROW, this.#rows.total) + HEAD + 8}px`;
    this.#showAround();
    this.#cost = performance.now() - begun;
  }

  /** Time passed. */
  tick(): void {
    const begun = performance.now();
    if (isFinalExecution(this.session.run.status) || begun < this.#rest) return;
    this.#measure();
    this.#rows.renewAll();
    this.#showAround();
    const ended = performance.now();
    this.#rest = ended + (ended - begun) * RESTS;
  }

  #node(place: number): DrawnNode {
    return this.#drawing.nodes[this.#order[place]!]!;
  }

  /** Everything in time: what is known, what is expected, the critical path, and the scale for all of it. */
  #measure(): void {
    const { run, clock: time, attempts, history } = this.session;
    const now = time.now();
    const final = isFinalExecution(run.status);
    this.#plan = plan(run, this.#drawing, attempts, history, now);
    const works = this.#plan.expected.map((work) => (Number.isNaN(work.end) && !Number.isNaN(work.begin) ? { ...work, end: now } : work));
    this.#path = criticalPath(works);
    this.#before = new Map(this.#path.map((index, i) => [index, this.#path[i - 1] ?? -1]));
    const from = (Number.isNaN(run.started) ? run.created : run.started) || 0;
    const end = final ? run.ended : now;
    const whole = this.session.isReplaying ? this.session.span[1] : 0;
    const last = works.reduce((most, work) => Math.max(most, work.end || 0), Math.max(whole, end || from));
    const length = Math.max(200, last - from);
    const to = from + length * (final ? 1.01 : last > now ? 1.04 : 1.08);
    const spans = works.filter((work) => !Number.isNaN(work.begin)).map((work) => [work.begin, work.end] as const);
    this.#gaps = idleGaps(spans, from, final ? end : last, length * WORTH);
    this.#scale = new Scale(from, to, this.#pressed ? this.#gaps : []);
  }

  #showAround(): void {
    const { run, clock: time } = this.session;
    const { offsetWidth, clientWidth } = this.#rows.element;
    this.#over.style.right = `calc(var(--wfj-times) + ${Math.max(0, offsetWidth - clientWidth)}px)`;
    this.#axis.replaceChildren(
      ...this.#ticks(run, time.now()).map(({ at, text }) => placed(html("span", "wfj-tick", {}, text), at)),
      ...this.#scale.gaps.map(([begin, end]) => {
        const gap = placed(html("span", "wfj-gap", {}, duration((end - begin) / 1000)), this.#scale.at(begin));
        gap.style.width = `${this.#scale.at(end) - this.#scale.at(begin)}%`;
        return gap;
      }),
    );
    this.#now.hidden = isFinalExecution(run.status);
    placed(this.#now, this.#scale.at(time.now()));
    setText(this.#label, clock((time.now() - this.#scale.from) / 1000));
    this.#showPath();
  }

  /** Ticks with room for their words, also beside the time of now. */
  #ticks(run: Run, now: number): Tick[] {
    const width = this.#over.clientWidth || 500;
    const ticks = this.#scale.ticks(Math.max(2, Math.min(7, Math.floor(width / 62))));
    if (isFinalExecution(run.status)) return ticks;
    const at = this.#scale.at(now);
    return ticks.map((tick) => (Math.abs(tick.at - at) * width < 4_400 ? { ...tick, text: "" } : tick));
  }

  /** The critical path in words: its length, its steps, and the share of the one that weighs most. */
  #showPath(): void {
    const { known, expected } = this.#plan;
    const now = this.session.clock.now();
    const works = expected.map((work, i) => ({ ...work, end: Number.isNaN(work.end) && !Number.isNaN(known[i]!.begin) ? now : work.end }));
    const most = heaviest(works, this.#path);
    this.#press.hidden = this.#gaps.length === 0 && !this.#pressed;
    this.#foot.hidden = most === null && this.#press.hidden;
    if (this.#foot.hidden) return;
    const words = html("span", "wfj-path-words");
    if (most !== null) {
      words.append(html("i", "wfj-path-mark", { "aria-hidden": "true" }), html("b", "", {}, `Critical path ${duration(pathLength(works, this.#path) / 1000)}`), " ");
      for (const step of this.#steps(most.index)) {
        if (words.childElementCount > 2) words.append(html("span", "wfj-dim", {}, " › "));
        if (step === null) words.append(html("span", "wfj-dim", {}, "…"));
        else if (step === most.index) words.append(html("b", "", {}, `${this.#name(step)} ${Math.round(most.share * 100)} %`));
        else words.append(html("span", "wfj-dim", {}, this.#name(step)));
      }
    }
    const said = words.textContent;
    if (this.#foot.dataset["said"] === `${said}${this.#press.hidden}`) return;
    this.#foot.dataset["said"] = `${said}${this.#press.hidden}`;
    this.#foot.replaceChildren(words, this.#press);
    words.title = this.#path.slice(0, 100).map((index) => this.#name(index)).join(" › ");
  }

  /** The path, or its ends and its heaviest step when it is long; null for what is left out. */
  #steps(heavy: number): (number | null)[] {
    const path = this.#path;
    if (path.length <= NAMED) return [...path];
    const keep = new Set([0, 1, path.length - 2, path.length - 1, path.indexOf(heavy)]);
    const steps: (number | null)[] = [];
    path.forEach((index, i) => {
      if (keep.has(i)) steps.push(index);
      else if (steps.at(-1) !== null) steps.push(null);
    });
    return steps;
  }

  #name(index: number): string {
    const { run } = this.session;
    const node = this.#drawing.nodes[index]!;
    return node.group < 0 ? label(run, node.row) : run.groups[node.group]!.name;
  }

  #makeRow(place: number): HTMLElement {
    const { session } = this;
    const { run } = session;
    const index = this.#order[place]!;
    const node = this.#drawing.nodes[index]!;
    const status = nodeStatus(run, node);
    const now = session.clock.now();
    const critical = this.#before.has(index);
    const texts = html("span", "wfj-lane-texts", {}, html("span", "wfj-name", {}, this.#name(index)));
    const head = html("span", "wfj-lane-name", { title: node.key }, icon(status), texts);
    const lane = html("span", "wfj-lane");
    const view: LaneView = { session, scale: this.#scale, now, expected: this.#plan.expected[index]!, critical, ready: this.#ready(index), width: this.#over.clientWidth };
    const took = node.group < 0 ? taskLane(lane, node.row, view) : groupLane(lane, node.group, view);
    if (node.group >= 0) texts.append(html("span", "wfj-lane-sub", {}, this.#groupWords(node.group, now)));
    const unusual = node.group < 0 && session.history.isUnusual(run, node.row, now);
    const time = html("span", "wfj-lane-time", {}, took);
    if (unusual) time.classList.add("wfj-unusual");
    if (unusual) time.title = "far longer than usual";
    const row = html("div", `wfj-lane-row${node.group >= 0 ? " wfj-lane-group" : ""}${critical ? " wfj-on-path" : ""}`, { role: "listitem", tabindex: -1 }, head, lane, time);
    row.dataset["key"] = node.key;
    row.dataset["status"] = statusName(status);
    const tries = node.group < 0 ? attemptSpans(session, node.row).length : 0;
    const spoken = node.group < 0 ? `${node.key}, ${statusName(status)}, ${took}${tries > 1 ? `, ${tries} tries` : ""}` : groupFacts(run.groups[node.group]!).spoken;
    row.setAttribute("aria-label", `${spoken}${critical ? ", on the critical path" : ""}${unusual ? ", far longer than usual" : ""}`);
    if (critical) this.#connect(lane, place, this.#before.get(index)!);
    return row;
  }

  /** When all that a node waits for had ended; NaN while something has not. */
  #ready(index: number): number {
    const { run } = this.session;
    const { known } = this.#plan;
    return known[index]!.needs.reduce((latest, need) => Math.max(latest, known[need]!.end), Number.isNaN(run.started) ? run.created : run.started);
  }

  #groupWords(group: number, now: number): string {
    const { run } = this.session;
    const { size, kind, loop } = run.groups[group]!;
    const peak = peakOf(run, group, now);
    const many = size === null ? "" : loop === "chain" ? `${count(size)} in a row` : `× ${count(size)}`;
    return [kind === "map" ? many : "sub-workflow", peak > 0 ? `peak ${count(peak)} at once` : ""].filter(Boolean).join(" · ");
  }

  /** A line from the end of the step before, down (or up) to this row. */
  #connect(lane: HTMLElement, place: number, before: number): void {
    if (before < 0) return;
    const from = this.#places[before]!;
    const [above, own] = [this.#plan.expected[before]!, this.#plan.expected[this.#order[place]!]!];
    if (from === undefined || from >= place || Number.isNaN(above.end) || Number.isNaN(own.begin)) return;
    const start = this.#scale.at(above.end);
    const end = this.#scale.at(own.begin);
    const half = (at: number): number => (this.#node(at).group < 0 ? 21 : 51);
    const wide = end - start > 1.2;
    const ahead = this.#plan.known[before] !== undefined && Number.isNaN(this.#plan.known[before]!.end) ? " wfj-ahead" : "";
    const line = html("i", `wfj-link-line${wide ? "" : " wfj-arrow"}${ahead}`);
    placed(line, start);
    line.style.top = `${this.#rows.top(from) + half(from) - this.#rows.top(place)}px`;
    line.style.height = `${this.#rows.top(place) - this.#rows.top(from) - half(from) + (wide ? 13 : 5)}px`;
    lane.append(line);
    if (!wide) return;
    const across = placed(html("i", `wfj-link-across${ahead}`), start);
    across.style.width = `${end - start}%`;
    lane.append(across);
  }

  #togglePressed(): void {
    this.#pressed = !this.#pressed;
    this.#press.setAttribute("aria-pressed", String(this.#pressed));
    this.refresh();
  }

  #open(target: Element): void {
    const key = target.closest<HTMLElement>(".wfj-fail-tick, .wfj-lane-row")?.dataset["key"];
    if (key !== undefined && getSelection()?.isCollapsed !== false) this.select(key);
  }

  #key(event: KeyboardEvent): void {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    const row = (event.target as Element).closest<HTMLElement>(".wfj-lane-row");
    if (event.key === "Enter" && row !== null) this.select(row.dataset["key"]!);
    else if (step !== 0) {
      const place = row === null ? -1 : this.#order.findIndex((_, i) => this.#node(i).key === row.dataset["key"]);
      const next = place < 0 ? 0 : Math.max(0, Math.min(this.#order.length - 1, place + step));
      this.#rows.reveal(next);
      this.#rows.at(next)?.focus({ preventScroll: true });
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }
}

function placed<E extends HTMLElement>(element: E, percent: number): E {
  element.style.left = `${percent}%`;
  return element;
}

function compare(a: number, b: number): number {
  return a === b ? 0 : a - b;
}
