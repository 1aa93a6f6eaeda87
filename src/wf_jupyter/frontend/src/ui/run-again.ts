// The button that starts a finished execution anew.
import { button } from "../draw/element.ts";
import { isFinalExecution } from "../fold/statuses.ts";
import { OPEN_EVENT } from "./opening.ts";
import { pageLink } from "./panel-actions.ts";
import type { Session } from "./session.ts";

export class RunAgain {
  readonly element = button("Run again", "wfj-command", () => void this.#run(), "Run again: a new execution that keeps what is unchanged");

  /** `command` waits for an answer and tells of its failure, `tell` says something to people. */
  constructor(
    private readonly session: Session,
    private readonly command: <T>(answer: Promise<T>) => Promise<T>,
    private readonly tell: (said: string | HTMLElement) => void,
  ) {}

  /** There only where it can be asked for. */
  show(): void {
    this.element.hidden = !isFinalExecution(this.session.run.status) || !this.session.canAsk;
  }

  /** JupyterLab opens what was started; elsewhere there is a link, or the code that finds it. */
  async #run(): Promise<void> {
    const { session } = this;
    this.element.disabled = true;
    const answer = await this.command(session.ask("rerun")).catch(() => null);
    this.element.disabled = false;
    if (answer === null) return;
    const id = String(answer["id"]);
    const event = new CustomEvent(OPEN_EVENT, { detail: { id, workflow: session.run.workflow }, cancelable: true });
    if (!document.dispatchEvent(event)) return;
    this.tell(session.rest === null ? `It runs again: wf.get_execution(${JSON.stringify(id)})` : pageLink(session, id, "It runs again: open the new execution"));
  }
}
