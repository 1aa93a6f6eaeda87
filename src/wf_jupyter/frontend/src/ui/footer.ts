// The strip at the bottom: the first failure in one line, or what a command was answered.
import type { Run } from "../fold/run.ts";
import { FAILED } from "../fold/statuses.ts";
import { button, html } from "../draw/element.ts";
import { icon } from "../draw/icons.ts";
import { count, headline } from "../draw/format.ts";

/** What the strip reports. */
export interface FooterActions {
  /** Show a failed task. */
  open(key: string): void;
  /** Go to the next failure. */
  next(): void;
  /** Run a failed task again, with what waits for it. */
  retry(key: string): void;
}

/** The strip. */
export class Footer {
  readonly element = html("div", "wfj-foot", { hidden: true });
  readonly #notice = html("div", "wfj-notice", { hidden: true, role: "alert" });
  readonly #failure = html("div", "wfj-failure", { hidden: true });
  /** The message that is shown at the moment. */
  message = "";
  #shown = "";

  constructor(private readonly actions: FooterActions) {
    this.element.append(this.#notice, this.#failure);
  }

  /** Bring the failure up to date; `canRetry` says that it can be run again, `isShownElsewhere` that a panel tells of a failure already. */
  show(run: Run, canRetry: boolean, isShownElsewhere = false): void {
    const more = run.counts[FAILED]! - 1;
    const row = more < 0 || (isShownElsewhere && more === 0) ? -1 : firstFailure(run);
    const shown = row < 0 ? "" : `${row} ${more} ${run.tasks.attempts[row]} ${canRetry} ${isShownElsewhere}`;
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.#failure.hidden = row < 0;
    this.#frame();
    if (row < 0) return;
    const key = run.tasks.keys[row]!;
    const error = run.tasks.errors.get(row);
    const words = html("span", "wfj-code", {}, error ? headline(error) : "failed");
    words.title = words.textContent;
    const open = button(error?.traceback ? "Traceback" : "Details", "wfj-action", () => this.actions.open(key));
    const next = button(`Next of ${count(more + 1)}`, "wfj-action", () => this.actions.next(), "Go to the next failure (n)");
    const again = button("Retry from here", "wfj-action", () => this.actions.retry(key), "Retry from here: this task, and what waits for it");
    if (isShownElsewhere) return this.#failure.replaceChildren(icon(FAILED), html("span", "wfj-code", {}, `${count(more + 1)} failed`), next);
    this.#failure.replaceChildren(icon(FAILED), html("b", "", {}, key), words, ...(more > 0 ? [next] : []), open, ...(canRetry ? [again] : []));
  }

  /** Tell something until the next command, or until it is pressed away. */
  notice(said: string | HTMLElement): void {
    this.message = typeof said === "string" ? said : (said.textContent ?? "");
    this.#notice.hidden = said === "";
    const shut = button("×", "wfj-close", () => this.notice(""), "Close the message");
    this.#notice.replaceChildren(html("span", "", {}, said), shut);
    this.#frame();
  }

  #frame(): void {
    this.element.hidden = this.#failure.hidden && this.#notice.hidden;
  }
}

/** The row of the failed task that ended first; -1 when none failed. */
export function firstFailure(run: Run): number {
  const { tasks } = run;
  let first = -1;
  for (let row = 0; row < tasks.length; row++) {
    if (tasks.status[row] !== FAILED || tasks.removed[row]) continue;
    if (first < 0 || tasks.ended[row]! < tasks.ended[first]!) first = row;
  }
  return first;
}
