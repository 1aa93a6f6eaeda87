// One execution as an entry of the list: what it is, how far, and what can be done about it.
import { html, setAttribute, setText } from "../draw/element.ts";
import { icon } from "../draw/icons.ts";
import type { Summary } from "../protocol/messages.gen.ts";
import { iconOf, inputWords, isFinished, lengthOf, momentOf, progress, statusWords } from "./summary-words.ts";
import { sign, type Sign } from "./signs.ts";

/** What an entry's buttons do. */
export interface EntryActions {
  open(summary: Summary): void;
  cancel(summary: Summary): Promise<void>;
  retry(summary: Summary): Promise<void>;
  rerun(summary: Summary): Promise<void>;
}

export class Entry {
  readonly element: HTMLLIElement;
  /** What the arrow keys move between. */
  readonly main = html("button", "wfj-entry-name", { type: "button" });
  readonly chosen = html("input", "wfj-entry-choice", { type: "checkbox", hidden: true });
  readonly #inputs = html("div", "wfj-entry-inputs");
  readonly #status = html("span", "wfj-entry-status");
  readonly #length = html("span", "wfj-entry-length");
  readonly #moment = html("span", "wfj-entry-moment");
  readonly #buttons = html("span", "wfj-entry-buttons");
  readonly #bar = html("div", "wfj-entry-bar", { "aria-hidden": "true" }, html("i"));
  #offered = "";

  constructor(
    public summary: Summary,
    private readonly actions: EntryActions,
  ) {
    const first = html("div", "wfj-entry-line", {}, this.chosen, this.main, this.#length, this.#buttons);
    const last = html("div", "wfj-entry-line", {}, this.#status, this.#moment);
    this.element = html("li", "wfj-entry", {}, first, this.#inputs, last, this.#bar);
    const open = (): void => actions.open(this.summary);
    this.main.addEventListener("click", open);
    this.element.addEventListener("click", (event) => {
      if ((event.target as Element).closest("button, input") === null && !document.getSelection()?.toString()) open();
    });
    this.show(summary);
  }

  show(summary: Summary): void {
    this.summary = summary;
    const { workflow, status } = summary;
    setText(this.main, workflow);
    const words = statusWords(summary);
    this.element.dataset["status"] = summary.parked ? "parked" : status;
    setAttribute(this.main, "aria-label", `${workflow}: ${words}, began at ${momentOf(summary)}. Open`);
    setAttribute(this.chosen, "aria-label", `Compare ${workflow} of ${momentOf(summary)}`);
    const inputs = inputWords(summary);
    setText(this.#inputs, inputs);
    this.#inputs.hidden = inputs === "";
    setAttribute(this.#inputs, "title", inputs);
    if (this.#status.textContent !== words) this.#status.replaceChildren(icon(iconOf(summary)), html("span", "", {}, words));
    setAttribute(this.#status, "title", words);
    setAttribute(this.element, "title", summary.owner ? `${workflow} · ${summary.id} · by ${summary.owner}` : `${workflow} · ${summary.id}`);
    const [done, total] = progress(summary);
    this.#bar.hidden = isFinished(summary) || total === 0;
    (this.#bar.firstElementChild as HTMLElement).style.width = `${total === 0 ? 0 : (100 * done) / total}%`;
    this.tick(Date.now());
    this.#offer();
  }

  /** The clock of what still runs. */
  tick(now: number): void {
    const length = lengthOf(this.summary, now);
    setText(this.#length, length);
    setText(this.#moment, momentOf(this.summary));
    this.#moment.dataset["length"] = length;
  }

  /** The buttons; while the answer to one is awaited, it does nothing more. */
  #offer(): void {
    const { status } = this.summary;
    const offered = isFinished(this.summary) ? status : status === "cancelling" ? "ending" : "open";
    if (offered === this.#offered) return;
    this.#offered = offered;
    const held = this.#buttons.contains(document.activeElement);
    const { open, cancel, retry, rerun } = this.actions;
    this.#buttons.replaceChildren(
      this.#button("open", "Open in a tab", async (summary) => open(summary)),
      ...(offered === "open" ? [this.#button("cancel", "Cancel", cancel)] : []),
      ...(status === "failed" || status === "cancelled" ? [this.#button("retry", "Retry what failed", retry)] : []),
      ...(isFinished(this.summary) ? [this.#button("again", "Run again", rerun)] : []),
    );
    // a button that did its work goes away: the keyboard must not be thrown back to the top of the page
    if (held) this.main.focus();
  }

  #button(shape: Sign, words: string, act: (summary: Summary) => Promise<void>): HTMLButtonElement {
    const label = `${words}: ${this.summary.workflow}`;
    const made = html("button", "wfj-entry-button", { type: "button", title: words, "aria-label": label }, sign(shape));
    // not `disabled`: that would take the focus away from it
    made.addEventListener("click", () => {
      if (made.ariaDisabled === "true") return;
      made.ariaDisabled = "true";
      void act(this.summary).finally(() => (made.ariaDisabled = "false"));
    });
    return made;
  }
}
