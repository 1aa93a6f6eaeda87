// One task in full: what happened, why it failed, what it printed, displayed and returned.
import type { Failure, Reason, ResultInfo } from "../protocol/messages.gen.ts";
import { isObject } from "../protocol/decode.ts";
import type { Said } from "../fold/replay.ts";
import { reasonText } from "../fold/reason.ts";
import type { Changes, Run } from "../fold/run.ts";
import { FAILED, isFinal, RETRYING, RUNNING, statusName } from "../fold/statuses.ts";
import { button, html, setText } from "../draw/element.ts";
import { taskFacts } from "../draw/facts.ts";
import { membersOf } from "../draw/group.ts";
import { icon } from "../draw/icons.ts";
import { bytes, count, duration, headline } from "../draw/format.ts";
import { taskCode } from "./clipboard.ts";
import { logReader } from "./log-reader.ts";
import { LogView } from "./log.ts";
import { TaskActions } from "./panel-actions.ts";
import { codeSection, codeToRunAgain } from "./panel-code.ts";
import { showInputs } from "./panel-inputs.ts";
import { htmlElement, outputElement, plainText } from "./rich.ts";
import type { Session } from "./session.ts";
import { attemptSpans } from "./timeline-bars.ts";
import { tracebackElements } from "./traceback.ts";

/** The panel of the task `key`. */
export class TaskPanel {
  readonly element: HTMLElement;
  readonly #title = html("div", "wfj-panel-title");
  readonly #facts = html("div", "wfj-facts");
  readonly #error = html("div", "wfj-section wfj-error", { hidden: true });
  readonly #reason = html("div", "wfj-section wfj-reason", { hidden: true });
  readonly #again = html("div", "wfj-section", { hidden: true });
  readonly #outputs = html("div", "wfj-section", { hidden: true });
  readonly #logs = html("div", "wfj-section", { hidden: true });
  readonly #given = html("div", "wfj-section", { hidden: true });
  readonly #result = html("div", "wfj-section", { hidden: true });
  readonly #log: LogView;
  readonly #actions: TaskActions;
  #shownError: Failure | undefined;
  #shownReason = "";
  #shownCode = "";
  #shownResult: ResultInfo | undefined;
  #shownStatus = -1;
  #shownFacts = "";
  #asked = false;

  constructor(
    private readonly session: Session,
    readonly key: string,
    private readonly isDark: () => boolean,
    close: () => void,
    private readonly select: (key: string) => void,
  ) {
    const shut = button("×", "wfj-close", close, "Close the task");
    this.#actions = new TaskActions(session, key);
    const head = html("div", "wfj-panel-head", {}, this.#title, this.#actions.element, shut);
    this.#log = new LogView(logReader(session, key));
    this.#logs.append(html("h4", "wfj-caption", {}, "Log"), this.#log.element);
    this.#outputs.append(html("h4", "wfj-caption", {}, "Output"));
    const body = html("div", "wfj-panel-body", {}, this.#reason, this.#error, this.#again, this.#outputs, this.#logs, this.#given, this.#result);
    this.element = html("section", "wfj-panel", { "aria-label": `Task ${key}` }, head, this.#facts, body);
    this.element.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      close();
    });
    if (!session.isReplaying) for (const event of session.tails.of(key)) this.said(event);
    this.show();
    const inputs = Object.entries(session.run.inputs);
    if (inputs.length > 0) this.#result.after(inputsElement(inputs));
    void this.#loadOutputs();
    if (session.isReplaying) return;
    void session.loadAttempts().then(() => this.show());
  }

  /** Scroll to the error. */
  showError(): void {
    this.#error.scrollIntoView?.({ block: "nearest" });
  }

  changed({ tasks, structure }: Changes): void {
    const row = this.session.run.rows.get(this.key);
    if (structure || (row !== undefined && tasks.has(row))) this.show();
  }

  /** The task printed or displayed something just now. */
  said(event: Said): void {
    if (event.task !== this.key) return;
    if (event.type === "task.log") this.#log.said(event.attempt, event.text);
    else this.#addOutput(event.data, event.seq);
  }

  /** Bring everything but the log up to date. */
  show(): void {
    const { run, clock } = this.session;
    const row = run.rows.get(this.key);
    if (row === undefined) return;
    const { tasks } = run;
    const status = tasks.status[row]!;
    if (status !== this.#shownStatus) {
      this.#shownStatus = status;
      const word = html("span", "wfj-status-word", {}, statusName(status));
      this.#title.replaceChildren(icon(status), html("b", "", {}, this.key), word);
      this.element.dataset["status"] = statusName(status);
      if (isFinal(status) && !this.session.isReplaying) void this.session.loadUsages().then(() => this.show());
    }
    this.#actions.show();
    this.#showGiven();
    this.#logs.hidden = tasks.logged[row] === 0;
    if (!this.#logs.hidden) this.#log.attempts = tasks.attempts[row]!;
    this.#showFacts(row, clock.now());
    this.#showReason(tasks.reasons.get(row));
    this.#showError(tasks.errors.get(row), status);
    this.#showCode(row);
    this.#showResult(tasks.results.get(row));
  }

  /** Once somebody can be asked. */
  #showGiven(): void {
    if (this.#asked || !this.session.canAsk) return;
    this.#asked = true;
    showInputs(this.#given, this.session, this.key, this.select).catch(() => (this.#asked = false));
  }

  #showFacts(row: number, now: number): void {
    const { run } = this.session;
    const { tasks } = run;
    const started = tasks.started[row]!;
    const running = tasks.status[row] === RUNNING;
    const begun = Number.isNaN(run.started) ? run.created : run.started;
    const facts: [string, string][] = [];
    const say = (name: string, text: string): void => void (text && facts.push([name, text]));
    say("tries", tasks.attempts[row]! > 0 ? count(tasks.attempts[row]!) : "");
    const spans = attemptSpans(this.session, row);
    const first = spans[0]?.started ?? started;
    const ready = readyTime(run, row, begun);
    if (!Number.isNaN(first)) say("queued", duration(Math.max(0, first - ready) / 1000));
    if (spans.length > 1) say("each", spans.map((span) => duration(((Number.isNaN(span.ended) ? now : span.ended) - span.started) / 1000)).slice(-8).join(", "));
    say("ran", running ? duration((now - started) / 1000) : isFinal(tasks.status[row]!) ? duration(tasks.duration[row]!) : "");
    const used = this.session.usages.get(this.key);
    say("processor", duration(used?.cpu ?? Number.NaN));
    say("memory", used?.memory ? `${bytes(used.memory)} at the peak` : "");
    say("started", Number.isNaN(started) ? "" : `${duration((started - begun) / 1000)} after the start`);
    say("worker", tasks.workers[row]!);
    const usual = this.session.history.of(tasks.names[row]!);
    if (usual !== null) say("usually", usual.p10 === usual.p90 ? duration(usual.p50) : `${duration(usual.p50)} (${duration(usual.p10)} to ${duration(usual.p90)}, ${count(usual.count)} before)`);
    if (this.session.history.isUnusual(run, row, now)) say("▲", "far longer than usual");
    const detail = taskFacts(run, row, now).detail;
    if (!isFinal(tasks.status[row]!) && !facts.some(([, text]) => text === detail)) say("now", detail);
    say("waits for", tasks.status[row] === RUNNING || isFinal(tasks.status[row]!) ? "" : tasks.dependencies[row]!.join(", "));
    const shown = facts.flat().join("|");
    if (shown === this.#shownFacts) return;
    this.#shownFacts = shown;
    this.#facts.replaceChildren(...facts.map(([name, text]) => html("span", "", {}, html("span", "wfj-dim", {}, `${name} `), text)));
  }

  #showCode(row: number): void {
    const code = codeToRunAgain(this.session.run, row, this.key) ?? "";
    this.#again.hidden = code === "";
    if (code === this.#shownCode) return;
    this.#shownCode = code;
    this.#again.replaceChildren(...(code ? codeSection(code) : []));
  }

  /** Why it did not run, or was stopped: in the tone of a fact, for nothing of its own went wrong. */
  #showReason(reason: Reason | undefined): void {
    const text = reason === undefined ? "" : reasonText(reason);
    this.#reason.hidden = text === "";
    if (text === this.#shownReason) return;
    this.#shownReason = text;
    const cause = reason !== undefined && this.session.run.rows.has(reason.task) ? reason.task : null;
    const open = cause === null ? [] : [button("Show it", "wfj-action", () => this.select(cause), `Open ${cause}`)];
    this.#reason.replaceChildren(html("p", "wfj-headline", {}, text), ...open);
  }

  #showError(error: Failure | undefined, status: number): void {
    this.#error.hidden = error === undefined;
    if (error === this.#shownError || error === undefined) return;
    this.#shownError = error;
    const caption = status === RETRYING ? "Last try" : status === FAILED ? "Error" : "Stopped";
    const parts: HTMLElement[] = [html("h4", "wfj-caption", {}, caption), html("p", "wfj-headline", {}, headline(error))];
    const rest = error.traceback || (error.message.includes("\n") ? error.message : "");
    if (rest) parts.push(...(error.traceback ? tracebackElements(rest) : [plainText(rest)]));
    this.#error.replaceChildren(...parts);
  }

  #showResult(result: ResultInfo | undefined): void {
    this.#result.hidden = result === undefined;
    if (result === this.#shownResult || result === undefined) return;
    this.#shownResult = result;
    const shape = result.shape ? result.shape.map(count).join(" × ") : result.length != null ? `${count(result.length)} long` : "";
    const facts = [result.type, shape, result.size ? bytes(result.size) : ""].filter(Boolean).join(" · ");
    const preview = result.html
      ? htmlElement(result.html, { label: `result of ${this.key}`, dark: this.isDark(), code: `${this.#code}.result()` })
      : result.text ? plainText(result.text) : null;
    const caption = html("h4", "wfj-caption", {}, "Result ", html("span", "wfj-dim", {}, facts));
    this.#result.replaceChildren(caption, ...(preview ? [preview] : []));
  }

  async #loadOutputs(): Promise<void> {
    const { session, key } = this;
    const row = session.run.rows.get(key);
    if (row === undefined || session.run.tasks.displayed[row] === 0) return;
    for (const output of await session.outputs(key).catch(() => [])) if (isObject(output)) this.#addOutput(output["data"], Number(output["seq"]) || 0);
  }

  get #code(): string {
    return taskCode(this.session.executionId, this.key);
  }

  /** Each once, in the order in which they were displayed. */
  #addOutput(data: unknown, seq: number): void {
    const shown = [...this.#outputs.children] as HTMLElement[];
    if (!isObject(data) || shown.some((other) => other.dataset["seq"] === String(seq))) return;
    const element = outputElement(data, { label: `output of ${this.key}`, dark: this.isDark(), code: `display(*${this.#code}.outputs())` });
    element.dataset["seq"] = String(seq);
    this.#outputs.hidden = false;
    this.#outputs.insertBefore(element, shown.find((other) => Number(other.dataset["seq"]) > seq) ?? null);
  }

  /** Elapsed time and the like, while it runs. */
  tick(): void {
    const row = this.session.run.rows.get(this.key);
    this.#log.tick();
    if (row !== undefined && !isFinal(this.session.run.tasks.status[row]!)) this.#showFacts(row, this.session.clock.now());
    setText(this.#title.querySelector(".wfj-status-word") ?? this.#title, statusName(Math.max(0, this.#shownStatus)));
  }
}

/** When the last of what the task waited for had ended. */
function readyTime(run: Run, row: number, begun: number): number {
  let ready = begun;
  for (const key of run.tasks.dependencies[row]!) {
    const group = run.groupRows.get(key);
    const other = run.rows.get(key);
    const rows = group !== undefined ? membersOf(run, group) : other !== undefined ? [other] : [];
    for (const before of rows) if (run.tasks.ended[before]! > ready) ready = run.tasks.ended[before]!;
  }
  return ready;
}

function inputsElement(inputs: readonly (readonly [string, string])[]): HTMLElement {
  const list = html("dl", "wfj-inputs");
  for (const [name, text] of inputs) list.append(html("dt", "", {}, name), html("dd", "", {}, text));
  return html("details", "wfj-fold", {}, html("summary", "", {}, "Inputs of the execution"), list);
}
