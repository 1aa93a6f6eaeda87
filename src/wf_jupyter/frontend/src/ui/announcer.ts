// What a screen reader is told: failures at once, the rest at most every five seconds.
import type { Run } from "../fold/run.ts";
import { CACHED, FAILED, isFinalExecution, SUCCEEDED } from "../fold/statuses.ts";
import { html } from "../draw/element.ts";

const PAUSE_MS = 5_000;

/** Two live regions: one polite, one for failures. */
export class Announcer {
  readonly element: HTMLElement;
  readonly #polite = html("div", "", { role: "status", "aria-live": "polite" });
  readonly #urgent = html("div", "", { role: "alert" });
  #last = 0;
  #failed: number | null = null;
  #status = "";

  constructor() {
    this.element = html("div", "wfj-unseen", {}, this.#polite, this.#urgent);
  }

  show(run: Run, local: number): void {
    const failed = run.counts[FAILED]!;
    if (this.#failed !== null && failed > this.#failed) this.#urgent.textContent = `${failed} failed in ${run.workflow}`;
    this.#failed = failed;
    const changed = this.#status !== run.status;
    const first = this.#status === "";
    this.#status = run.status;
    if (first || !(changed || local - this.#last > PAUSE_MS)) return;
    if (!changed && isFinalExecution(run.status)) return;
    this.#last = local;
    const done = run.counts[SUCCEEDED]! + run.counts[CACHED]!;
    this.#polite.textContent = `${run.workflow} ${run.status}: ${done} of ${run.rows.size} tasks done`;
  }
}
