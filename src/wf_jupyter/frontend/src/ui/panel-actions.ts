// What can be done with one task: cancel it, run it again with all that follows, fetch its result in a cell.
import type { Params, Question } from "../protocol/source.ts";
import { CANCELLED, FAILED, hasValue, isFinalExecution, RETRYING, RUNNING, SKIPPED } from "../fold/statuses.ts";
import { button, html } from "../draw/element.ts";
import { copyText, taskCode } from "./clipboard.ts";
import type { Session } from "./session.ts";

/** The buttons that fit the task's status. */
export class TaskActions {
  readonly element = html("span", "wfj-commands wfj-task-actions");
  readonly #said = html("span", "wfj-dim", { role: "status" });
  #shown = "";

  constructor(
    private readonly session: Session,
    private readonly key: string,
  ) {}

  show(): void {
    const { run, canAsk } = this.session;
    const row = run.rows.get(this.key);
    if (row === undefined) return;
    const status = run.tasks.status[row]!;
    const final = isFinalExecution(run.status);
    const isCancelling = run.tasks.cancelling[row] === 1;
    const shown = `${status} ${run.status} ${canAsk} ${isCancelling}`;
    if (shown === this.#shown) return;
    this.#shown = shown;
    const made: HTMLElement[] = [this.#said];
    if (canAsk && !final && !isCancelling && (status === RUNNING || status === RETRYING)) {
      made.push(this.#button("Cancel task", () => this.#ask("cancel", { task: this.key })));
    }
    const mayRetry = final ? run.status !== "succeeded" : run.status === "running";
    if (canAsk && mayRetry && [FAILED, SKIPPED, CANCELLED].includes(status)) {
      made.push(this.#button("Retry from here", () => this.#ask("retry", { task: this.key })));
    }
    if (canAsk && final) made.push(this.#button("Rerun from here", () => this.#rerun()));
    if (hasValue(status)) made.push(this.#button("Copy code", () => this.#copy()));
    this.element.replaceChildren(...made);
  }

  #button(text: string, act: () => Promise<string | Node>): HTMLButtonElement {
    const made = button(text, "wfj-command", () => {
      made.disabled = true;
      act()
        .catch((error: unknown) => (error instanceof Error ? error.message : String(error)))
        .then((said) => this.#said.replaceChildren(said))
        .finally(() => (made.disabled = false));
    });
    return made;
  }

  async #ask(what: Question, params: Params): Promise<string> {
    await this.session.ask(what, params);
    return "";
  }

  async #rerun(): Promise<string | Node> {
    const { id } = await this.session.ask("rerun", { from: this.key });
    if (this.session.rest !== null) return pageLink(this.session, String(id), "Open the new execution");
    return html("code", "wfj-code", {}, `wf.get_execution(${JSON.stringify(id)})`);
  }

  async #copy(): Promise<string> {
    await copyText(`${taskCode(this.session.executionId, this.key)}.result()`);
    return "copied";
  }
}

/** A link to the page of an execution of the same server. */
export function pageLink(session: Session, id: string, text: string): HTMLElement {
  const base = session.rest?.config.baseUrl.replace(/\/*$/, "/") ?? "/";
  return html("a", "wfj-anchor", { href: `${base}wf-jupyter/executions/${encodeURIComponent(id)}`, target: "_blank", rel: "noopener" }, text);
}
