// One task as a card.
import { RUNNING, statusName } from "../fold/statuses.ts";
import { html, setText } from "./element.ts";
import type { Facts } from "./facts.ts";
import { icon, setRing } from "./icons.ts";

export const CARD_WIDTH = 154;
export const CARD_HEIGHT = 46;

/** The card of a task; `show` changes only what differs. */
export class Card {
  readonly element: HTMLElement;
  readonly #name = html("span", "wfj-name");
  readonly #detail = html("span", "wfj-detail");
  readonly #time = html("span", "wfj-time");
  readonly #bar = html("span", "wfj-bar", { "aria-hidden": "true" });
  readonly #fill = html("i");
  readonly #spoken = html("span", "wfj-unseen");
  #icon = icon(-1);
  #status = -1;

  constructor(key: string) {
    this.#bar.append(this.#fill);
    const texts = html("span", "wfj-texts", { "aria-hidden": "true" }, this.#name, html("span", "wfj-sub", {}, this.#detail, this.#time));
    this.element = html("div", "wfj-card", { role: "treeitem", tabindex: -1, title: key }, this.#icon, texts, this.#spoken, this.#bar);
    this.element.dataset["key"] = key;
  }

  show(facts: Facts): void {
    if (facts.status !== this.#status) {
      this.#status = facts.status;
      const fresh = icon(facts.status);
      this.#icon.replaceWith(fresh);
      this.#icon = fresh;
      this.element.dataset["status"] = statusName(facts.status);
    }
    if (facts.status === RUNNING) setRing(this.#icon, facts.share);
    setText(this.#name, facts.name);
    setText(this.#detail, facts.detail);
    setText(this.#time, facts.time);
    this.#bar.hidden = facts.share === null;
    this.#fill.style.width = `${(facts.share ?? 0) * 100}%`;
    setText(this.#spoken, facts.spoken);
  }
}
