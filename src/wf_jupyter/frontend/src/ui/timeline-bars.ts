// What one lane of the timeline holds: bars of attempts and waits, or how many items of a group ran at once.
import type { AttemptSpan } from "../fold/attempts.ts";
import { causeText } from "../fold/reason.ts";
import { CACHED, CANCELLED, FAILED, isFinal, PENDING, RETRYING, RUNNING, SKIPPED, statusName, SUCCEEDED } from "../fold/statuses.ts";
import type { Work } from "../fold/critical.ts";
import type { Run } from "../fold/run.ts";
import { html, svg } from "../draw/element.ts";
import { groupStatus } from "../draw/facts.ts";
import { membersOf } from "../draw/group.ts";
import { count, duration } from "../draw/format.ts";
import type { Session } from "./session.ts";
import type { Scale } from "./timeline-scale.ts";

const AREA = { width: 120, height: 40 };

/** What a lane is drawn from: `expected` is the node in time with its estimates. */
export interface LaneView {
  readonly session: Session;
  readonly scale: Scale;
  readonly now: number;
  readonly expected: Work;
  readonly critical: boolean;
  /** When all that it waits for had ended (ms); NaN while something has not. */
  readonly ready: number;
  /** Width of the lane in pixels; 0 while unknown. */
  readonly width: number;
}

/** Bars of one task's attempts, the waits between, and what is still expected; returns how long it took, in words. */
export function taskLane(lane: HTMLElement, row: number, view: LaneView): string {
  const { run } = view.session;
  const { tasks } = run;
  const { now, expected } = view;
  const status = tasks.status[row]!;
  const spans = attemptSpans(view.session, row);
  const begun = spans[0]?.started ?? (isFinal(status) ? Number.NaN : now);
  if (begun - view.ready > 0) bar(lane, view.scale, "wfj-queued", view.ready, begun, `queued for ${duration((begun - view.ready) / 1000)}: no worker was free`);
  spans.forEach((span, i) => {
    const whole = Number.isNaN(span.ended) ? now : span.ended;
    const last = i === spans.length - 1;
    const inVain = status === RETRYING || (status === CANCELLED && span.failed);
    const end = last && !inVain ? ownEnd(run, row, span.started, whole) : whole;
    const until = status === CANCELLED ? "it was cancelled" : "its outcome was stored";
    if (end < whole) bar(lane, view.scale, `wfj-span wfj-around wfj-s-${statusName(status)}`, end, whole, `${duration((whole - end) / 1000)} until ${until}`);
    const tone = span.failed || !last ? "failed" : statusName(status === RETRYING ? FAILED : status);
    const earlier = !last || inVain ? " wfj-earlier" : "";
    bar(lane, view.scale, `wfj-span wfj-s-${tone}${earlier}`, span.started, end, `try ${span.number}, ran ${duration((end - span.started) / 1000)}`);
    const next = spans[i + 1]?.started ?? (last && inVain ? (status === RETRYING ? Math.max(tasks.retryAt[row]!, now) : tasks.ended[row]!) : null);
    if (next !== null) bar(lane, view.scale, "wfj-wait", whole, next, "waiting to try again");
  });
  if (status === CACHED) bar(lane, view.scale, "wfj-span wfj-cached-mark wfj-s-cached", tasks.ended[row]!, tasks.ended[row]!, "cached");
  if (status === SKIPPED) lane.append(html("span", "wfj-lane-note", {}, skipped(run, row)));
  if (!isFinal(status) && Number.isFinite(expected.end)) {
    const from = status === RUNNING ? now : status === RETRYING ? Math.max(now, tasks.retryAt[row]!) : expected.begin;
    bar(lane, view.scale, `wfj-span wfj-expected wfj-s-${statusName(status)}`, from, expected.end, `expected: ${duration((expected.end - from) / 1000)} more`);
  }
  if (view.critical) outline(lane, view.scale, expected, now, status);
  const missing = tasks.attempts[row]! - spans.length;
  if (missing > 0) lane.lastElementChild?.setAttribute("title", `${missing} earlier tries are not drawn`);
  return taskWords(run, row, now, expected, spans);
}

/** An attempt takes longer than the function ran, by the way of its outcome to the log: so much is worth telling apart. */
const WORTH_MS = 100;

/** When the function itself had ended, in ms. */
function ownEnd(run: Run, row: number, started: number, ended: number): number {
  const own = started + run.tasks.duration[row]! * 1000;
  return isFinal(run.tasks.status[row]!) && ended - own > WORTH_MS ? own : ended;
}

function taskWords(run: Run, row: number, now: number, expected: Work, spans: readonly AttemptSpan[]): string {
  const { tasks } = run;
  const status = tasks.status[row]!;
  if (status === CACHED) return "cached";
  if (status === SKIPPED) return "–";
  const begun = spans[0]?.started ?? tasks.started[row]!;
  if (status === RUNNING || status === RETRYING) return duration((now - begun) / 1000);
  if (isFinal(status)) return (spans.length > 1 || (status === CANCELLED && spans[0]?.failed) ? duration((tasks.ended[row]! - begun) / 1000) : ownWords(tasks.duration[row]!)) || "–";
  const long = (expected.end - expected.begin) / 1000;
  return Number.isFinite(long) ? `~${duration(long)}` : "";
}

function ownWords(seconds: number): string {
  return seconds < 0.0005 ? "< 1 ms" : duration(seconds);
}

/** The attempts of a task as far as they are known, the last from the picture itself. */
export function attemptSpans(session: Session, row: number): readonly AttemptSpan[] {
  const { tasks } = session.run;
  const seen = session.attempts.of(tasks.keys[row]!);
  const started = tasks.started[row]!;
  if (Number.isNaN(started)) return [];
  const number = tasks.attempts[row]!;
  const last = seen.find((span) => span.number === number);
  const inVain = tasks.status[row] === CANCELLED && last?.failed === true;
  const failed = inVain || tasks.status[row] === FAILED || tasks.status[row] === RETRYING;
  const ended = inVain ? last.ended : tasks.ended[row]!;
  return [...seen.filter((span) => span.number < number), { number, started, ended, failed }];
}

/** How many of a group ran at once, its failures, its rate and what is left; returns how long it took, in words. */
export function groupLane(lane: HTMLElement, group: number, view: LaneView): string {
  const { run } = view.session;
  const { tasks } = run;
  const { now, scale, expected } = view;
  const rows = membersOf(run, group).filter((row) => !Number.isNaN(tasks.started[row]!));
  if (rows.length === 0) {
    const long = (expected.end - expected.begin) / 1000;
    if (!Number.isFinite(long)) return "";
    bar(lane, scale, "wfj-span wfj-expected wfj-s-pending", expected.begin, expected.end, `expected: ${duration(long)}`);
    if (view.critical) outline(lane, scale, expected, now, PENDING);
    return `~${duration(long)}`;
  }
  const end = (row: number): number => (Number.isNaN(tasks.ended[row]!) ? now : tasks.ended[row]!);
  const from = expected.begin;
  const to = rows.reduce((most, row) => Math.max(most, end(row)), from + 1);
  const left = scale.at(from);
  const { counts } = run.groups[group]!;
  const outcome = groupStatus(run.groups[group]!);
  const box = html("i", `wfj-concurrency wfj-s-${statusName(isFinal(outcome) ? outcome : RUNNING)}`);
  box.style.left = `${left}%`;
  box.style.width = `${Math.max(0.3, scale.at(to) - left)}%`;
  const { picture } = area(run, rows, from, to, end);
  box.append(picture);
  const width = scale.at(to) - left;
  for (const row of rows) {
    if (tasks.status[row] !== FAILED) continue;
    const tick = html("b", "wfj-fail-tick", { title: `${tasks.keys[row]} failed: open it` });
    tick.dataset["key"] = tasks.keys[row]!;
    tick.style.left = `${width > 0 ? ((scale.at(end(row)) - left) / width) * 100 : 0}%`;
    box.append(tick);
  }
  const done = counts[SUCCEEDED]! + counts[FAILED]!;
  const seconds = (to - from) / 1000;
  if (Number.isFinite(expected.end) && expected.end > now && to >= now) {
    bar(lane, scale, "wfj-concurrency wfj-area-left", now, expected.end, `expected: ${duration((expected.end - now) / 1000)} more`);
  }
  if (done > 1 && (width * (view.width || 500)) / 100 > 110) box.append(html("span", "wfj-area-words", {}, `${count(done)} done · ${rate(done / seconds)}`));
  box.title = `${count(done)} done, ${rate(done / seconds)}, at most ${count(peakOf(run, group, now))} at once`;
  lane.append(box);
  if (view.critical) outline(lane, scale, expected, now, RUNNING, "wfj-tall");
  return duration(seconds);
}

/** The greatest number of a group's items that ran at the same time. */
export function peakOf(run: Run, group: number, now: number): number {
  const { tasks } = run;
  const marks: [number, number][] = [];
  for (const row of membersOf(run, group)) {
    if (Number.isNaN(tasks.started[row]!)) continue;
    marks.push([tasks.started[row]!, 1], [Number.isNaN(tasks.ended[row]!) ? now : tasks.ended[row]!, -1]);
  }
  marks.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  let running = 0;
  return marks.reduce((peak, [, step]) => Math.max(peak, (running += step)), 0);
}

function rate(perSecond: number): string {
  if (!Number.isFinite(perSecond)) return "";
  if (perSecond >= 1) return `${count(Math.round(perSecond * (perSecond < 10 ? 10 : 1)) / (perSecond < 10 ? 10 : 1))} /s`;
  return perSecond * 60 >= 1 ? `${count(Math.round(perSecond * 60))} /min` : `${count(Math.round(perSecond * 3600))} /h`;
}

function area(run: Run, rows: readonly number[], from: number, to: number, end: (row: number) => number): { picture: SVGElement } {
  const { tasks } = run;
  const steps = new Int32Array(AREA.width + 2);
  const bin = (time: number): number => Math.max(0, Math.min(AREA.width, Math.round(((time - from) / (to - from)) * AREA.width)));
  for (const row of rows) {
    steps[bin(tasks.started[row]!)]!++;
    steps[bin(end(row)) + 1]!--;
  }
  const running: number[] = [];
  for (let b = 0, now = 0; b <= AREA.width; b++) running.push((now += steps[b]!));
  const peak = Math.max(1, ...running);
  const height = (n: number): string => (AREA.height - 1 - (n / peak) * (AREA.height - 3)).toFixed(1);
  const outline = running.map((n, b) => `L${b} ${height(n)}`).join("");
  const picture = svg("svg", "wfj-area", { viewBox: `0 0 ${AREA.width} ${AREA.height}`, preserveAspectRatio: "none" });
  picture.append(svg("path", "", { d: `M0 ${AREA.height}${outline}L${AREA.width} ${AREA.height}Z` }));
  return { picture };
}

/** The ink around work on the critical path; dashed where it is only expected. */
function outline(lane: HTMLElement, scale: Scale, work: Work, now: number, status: number, more = ""): void {
  const end = Number.isFinite(work.end) ? work.end : now;
  const ahead = !isFinal(status) && status !== RUNNING && work.begin >= now ? " wfj-ahead" : "";
  bar(lane, scale, `wfj-critical ${more}${ahead}`, work.begin, end, "");
}

function bar(lane: HTMLElement, scale: Scale, className: string, from: number, to: number, title: string): void {
  if (Number.isNaN(from) || Number.isNaN(to)) return;
  const element = html("i", className, { title: title || null });
  const left = scale.at(from);
  element.style.left = `${left}%`;
  element.style.width = `${Math.max(0, scale.at(to) - left)}%`;
  lane.append(element);
}

function skipped(run: Run, row: number): string {
  const reason = run.tasks.reasons.get(row);
  return reason ? `skipped — ${causeText(reason)}` : "skipped";
}
