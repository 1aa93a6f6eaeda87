// One task as a card.
import { RUNNING } from "../fold/statuses.ts";
import { html, setText } from "./element.ts";
import type { Facts } from "./facts.ts";
import { changed, icon, setRing } from "./icons.ts";

const NARROWEST = 154;
const WIDEST = 260;
/** Room beside the name, and the width of one of its letters: measuring each would lay the page out each time. */
const BESIDE = 50;
const LETTER = 7.6;

/** The width of a card with this name. */
export function cardWidth(name: string): number {
  return Math.round(Math.min(WIDEST, Math.max(NARROWEST, BESIDE + name.length * LETTER)));
}

export const CARD_HEIGHT = 46;

/** The card of a task; `show` changes only what differs. */
export class Card {
  readonly element: HTMLElement;
  readonly #name = html("span", "wfj-name");
  readonly #detail = html("span", "wfj-detail");
  readonly #time = html("span", "wfj-time");
  readonly #spoken = html("span", "wfj-spoken");
  #bar: HTMLElement | null = null;
  #icon = icon(-1);
  #status = -1;

  constructor(key: string) {
    const texts = html("span", "wfj-texts", { "aria-hidden": "true" }, this.#name, html("span", "wfj-sub", {}, this.#detail, this.#time));
    this.element = html("div", "wfj-card", { role: "treeitem", tabindex: -1, title: key }, this.#icon, texts, this.#spoken);
    this.element.dataset["key"] = key;
  }

  show(facts: Facts): void {
    if (facts.status !== this.#status) {
      this.#status = facts.status;
      this.#icon = changed(this.element, this.#icon, facts.status);
    }
    if (facts.status === RUNNING) setRing(this.#icon, facts.share);
    setClipped(this.#name, facts.name, 24);
    setClipped(this.#detail, facts.detail, facts.time === "" ? 17 : 11);
    setText(this.#time, facts.time);
    setText(this.#spoken, facts.spoken);
    this.#showShare(facts.share);
  }

  #showShare(share: number | null): void {
    if (share === null && this.#bar === null) return;
    if (this.#bar === null) this.element.append((this.#bar = html("span", "wfj-bar", { "aria-hidden": "true" }, html("i"))));
    this.#bar.hidden = share === null;
    (this.#bar.firstChild as HTMLElement).style.width = `${(share ?? 0) * 100}%`;
  }
}

/** Clipping hundreds of texts makes every frame dear: only what may be too long for its line is clipped. */
function setClipped(element: HTMLElement, text: string, most: number): void {
  if (element.textContent === text) return;
  element.textContent = text;
  element.classList.toggle("wfj-long", text.length > most || !/^[ -@[-~·]*$/.test(text));
}
