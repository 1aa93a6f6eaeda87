// Attempts as bars over time: retries and waits visible, groups as how many ran at once.
import type { Changes, Run } from "../fold/run.ts";
import type { AttemptSpan } from "../fold/attempts.ts";
import { CACHED, FAILED, isFinal, isFinalExecution, RETRYING, RUNNING, SKIPPED, statusName } from "../fold/statuses.ts";
import { drawn, type DrawnNode } from "../layout/drawn.ts";
import { html, setText, svg } from "../draw/element.ts";
import { groupFacts, label, nodeStatus } from "../draw/facts.ts";
import { membersOf } from "../draw/group.ts";
import { icon } from "../draw/icons.ts";
import { clock, count, duration, kindWord } from "../draw/words.ts";
import { VirtualRows } from "./rows.ts";
import type { Session } from "./session.ts";

const ROW = 28;
const AREA = { width: 120, height: 20 };
const STEPS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 43200, 86400];

interface Span {
  readonly from: number;
  readonly to: number;
}

/** The timeline of the outermost scope. */
export class TimelineView {
  readonly element: HTMLElement;
  readonly #axis = html("div", "wfj-axis", { "aria-hidden": "true" });
  readonly #now = html("div", "wfj-now", { "aria-hidden": "true" });
  readonly #label = html("span", "wfj-now-label");
  readonly #rows: VirtualRows;
  #nodes: DrawnNode[] = [];
  #span: Span = { from: 0, to: 1 };

  constructor(
    private readonly session: Session,
    private readonly select: (key: string) => void,
    signal: AbortSignal,
  ) {
    this.#now.append(this.#label);
    this.#rows = new VirtualRows("wfj-lanes", ROW, (index) => this.#makeRow(this.#nodes[index]!), signal);
    this.#rows.element.setAttribute("role", "list");
    const over = html("div", "wfj-lane-area", { "aria-hidden": "true" }, this.#axis, this.#now);
    this.element = html("div", "wfj-timeline", {}, this.#rows.element, over);
    this.#rows.element.addEventListener("click", (event) => {
      const key = (event.target as Element).closest<HTMLElement>(".wfj-lane-row")?.dataset["key"];
      if (key !== undefined) this.select(key);
    }, { signal });
  }

  /** Show at most so many pixels of rows. */
  set height(pixels: number) {
    this.#rows.element.style.maxHeight = `${Math.max(120, pixels)}px`;
  }

  changed(changes: Changes): void {
    if (changes.structure || changes.tasks.size > 0) this.refresh();
  }

  /** Bring everything up to date. */
  refresh(): void {
    const { run } = this.session;
    const first = (node: DrawnNode): number => {
      const rows = node.group < 0 ? [node.row] : membersOf(run, node.group);
      return rows.reduce((least, row) => Math.min(least, this.#begin(row)), Number.POSITIVE_INFINITY);
    };
    const starts = new Map(drawn(run).nodes.map((node) => [node, first(node)]));
    this.#nodes = [...starts.keys()].sort((a, b) => compare(starts.get(a)!, starts.get(b)!));
    this.#measure();
    this.#rows.element.style.height = `${Math.max(1, this.#nodes.length) * ROW + 26}px`;
    this.#rows.show(this.#nodes.length);
    this.#showAxis();
  }

  /** Time passed. */
  tick(): void {
    if (isFinalExecution(this.session.run.status)) return;
    this.#measure();
    this.#rows.renewAll();
    this.#showAxis();
  }

  #begin(row: number): number {
    const { tasks } = this.session.run;
    const started = this.session.attempts.of(tasks.keys[row]!)[0]?.started ?? tasks.started[row]!;
    return Number.isNaN(started) ? Number.POSITIVE_INFINITY : started;
  }

  #measure(): void {
    const { run, clock } = this.session;
    const from = Number.isNaN(run.started) ? run.created : run.started;
    const end = isFinalExecution(run.status) ? run.ended : clock.now();
    const length = Math.max(200, (end || from) - from);
    this.#span = { from: from || 0, to: (from || 0) + length * (isFinalExecution(run.status) ? 1.01 : 1.08) };
  }

  /** Place of a time, in percent of the lane. */
  #at(time: number): number {
    const { from, to } = this.#span;
    return Math.max(0, Math.min(100, ((time - from) / (to - from)) * 100));
  }

  #showAxis(): void {
    const { from, to } = this.#span;
    const seconds = (to - from) / 1000;
    const step = STEPS.find((size) => seconds / size <= 7) ?? Math.ceil(seconds / 7 / 86400) * 86400;
    const ticks: HTMLElement[] = [];
    for (let t = 0; t < seconds; t += step) {
      const tick = html("span", "wfj-tick", {}, t < 60 ? `${Number(t.toFixed(1))} s` : clock(t));
      tick.style.left = `${(t / seconds) * 100}%`;
      ticks.push(tick);
    }
    this.#axis.replaceChildren(...ticks);
    const { run, clock: time } = this.session;
    this.#now.hidden = isFinalExecution(run.status);
    this.#now.style.left = `${this.#at(time.now())}%`;
    setText(this.#label, clock((time.now() - from) / 1000));
  }

  #makeRow(node: DrawnNode): HTMLElement {
    const { run, clock: time } = this.session;
    const status = nodeStatus(run, node);
    const name = node.group < 0 ? label(run, node.row) : run.groups[node.group]!.name;
    const size = node.group < 0 ? null : run.groups[node.group]!.size;
    const head = html("span", "wfj-lane-name", { title: node.key }, icon(status), html("span", "wfj-name", {}, name));
    if (size !== null) head.append(html("span", "wfj-chip", {}, `× ${count(size)}`));
    const lane = html("span", "wfj-lane");
    const took = node.group < 0 ? this.#bars(lane, node.row) : this.#area(lane, node.group, time.now());
    const row = html("div", "wfj-lane-row", { role: "listitem" }, head, lane, html("span", "wfj-lane-time", {}, took));
    row.dataset["key"] = node.key;
    row.dataset["status"] = statusName(status);
    row.setAttribute("aria-label", node.group < 0 ? `${node.key}, ${statusName(status)}, ${took}` : groupFacts(run.groups[node.group]!).spoken);
    return row;
  }

  /** Bars of one task's attempts, with the waits between; returns how long it took, in words. */
  #bars(lane: HTMLElement, row: number): string {
    const { run, clock: time } = this.session;
    const { tasks } = run;
    const status = tasks.status[row]!;
    const spans = this.#spans(row);
    spans.forEach((span, i) => {
      const end = Number.isNaN(span.ended) ? time.now() : span.ended;
      const last = i === spans.length - 1;
      const tone = span.failed ? "failed" : last ? statusName(status === RETRYING ? FAILED : status) : "failed";
      this.#bar(lane, `wfj-span wfj-s-${tone}${last && status !== RETRYING ? "" : " wfj-earlier"}`, span.started, end, `try ${span.number}`);
      const next = spans[i + 1]?.started ?? (status === RETRYING && last ? Math.max(tasks.retryAt[row]!, time.now()) : null);
      if (next !== null) this.#bar(lane, "wfj-wait", end, next, "waiting to try again");
    });
    if (status === CACHED) this.#bar(lane, "wfj-span wfj-cached-mark wfj-s-cached", tasks.ended[row]!, tasks.ended[row]!, "cached");
    if (status === SKIPPED) lane.append(html("span", "wfj-lane-note", {}, skipped(run, row)));
    const missing = tasks.attempts[row]! - spans.length;
    if (missing > 0 && spans.length > 0) lane.lastElementChild!.setAttribute("title", `${missing} earlier tries are not drawn`);
    if (status === CACHED) return "cached";
    if (status === RUNNING) return duration((time.now() - tasks.started[row]!) / 1000);
    return isFinal(status) ? duration(tasks.duration[row]!) || "–" : "";
  }

  #spans(row: number): readonly AttemptSpan[] {
    const { tasks } = this.session.run;
    const seen = this.session.attempts.of(tasks.keys[row]!);
    const started = tasks.started[row]!;
    if (Number.isNaN(started)) return [];
    const number = tasks.attempts[row]!;
    const failed = tasks.status[row] === FAILED || tasks.status[row] === RETRYING;
    return [...seen.filter((span) => span.number < number), { number, started, ended: tasks.ended[row]!, failed }];
  }

  #bar(lane: HTMLElement, className: string, from: number, to: number, title: string): void {
    if (Number.isNaN(from) || Number.isNaN(to)) return;
    const bar = html("i", className, { title });
    const left = this.#at(from);
    bar.style.left = `${left}%`;
    bar.style.width = `${Math.max(0, this.#at(to) - left)}%`;
    lane.append(bar);
  }

  /** How many of a group ran at once; returns how long the group took, in words. */
  #area(lane: HTMLElement, group: number, now: number): string {
    const { run } = this.session;
    const { tasks } = run;
    const rows = membersOf(run, group).filter((row) => !Number.isNaN(tasks.started[row]!));
    if (rows.length === 0) return "";
    const end = (row: number): number => (Number.isNaN(tasks.ended[row]!) ? now : tasks.ended[row]!);
    const from = rows.reduce((least, row) => Math.min(least, this.#begin(row)), Number.POSITIVE_INFINITY);
    const to = rows.reduce((most, row) => Math.max(most, end(row)), from + 1);
    const running = new Array<number>(AREA.width + 1).fill(0);
    const bin = (time: number): number => Math.round(((time - from) / (to - from)) * AREA.width);
    for (const row of rows) for (let b = bin(tasks.started[row]!); b <= bin(end(row)); b++) running[b]!++;
    const peak = Math.max(1, ...running);
    const height = (n: number): string => (AREA.height - 1 - (n / peak) * (AREA.height - 3)).toFixed(1);
    const outline = running.map((n, b) => `L${b} ${height(n)}`).join("");
    const picture = svg("svg", "wfj-area", { viewBox: `0 0 ${AREA.width} ${AREA.height}`, preserveAspectRatio: "none" });
    picture.append(svg("path", "", { d: `M0 ${AREA.height}${outline}L${AREA.width} ${AREA.height}Z` }));
    const left = this.#at(from);
    const box = html("i", "wfj-concurrency", { title: `at most ${count(peak)} at once` });
    box.style.left = `${left}%`;
    box.style.width = `${Math.max(0.3, this.#at(to) - left)}%`;
    box.append(picture);
    for (const row of rows) {
      if (tasks.status[row] !== FAILED) continue;
      const tick = html("b", "wfj-fail-tick", { title: `${tasks.keys[row]} failed` });
      tick.style.left = `${((end(row) - from) / (to - from)) * 100}%`;
      box.append(tick);
    }
    lane.append(box);
    return duration((to - from) / 1000);
  }
}

function skipped(run: Run, row: number): string {
  const error = run.tasks.errors.get(row);
  return error ? `skipped: ${error.message.split("\n", 1)[0] || kindWord(error)}` : "skipped";
}

function compare(a: number, b: number): number {
  return a === b ? 0 : a - b;
}
