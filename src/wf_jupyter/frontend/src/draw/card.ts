// One task as a card.
import { RUNNING } from "../fold/statuses.ts";
import { html, setText } from "./element.ts";
import type { Facts } from "./facts.ts";
import { changed, icon, setRing } from "./icons.ts";

export const NARROWEST = 154;
const WIDEST = 260;
/** A second line of usual length. */
const USUAL = "ValueError · try 3";
/** Room beside the name, and the width of one of its letters: measuring each would lay the page out each time. */
const BESIDE = 50;
const LETTER = 7.6;

/** The width of a card with this name. */
export function cardWidth(name: string, least = NARROWEST): number {
  return Math.round(Math.min(WIDEST, Math.max(least, BESIDE + name.length * LETTER)));
}

/** The least width at which second lines are seen whole, in the font of `place`. */
export function roomyWidth(place: Element): number {
  const context = document.createElement("canvas").getContext("2d");
  if (context === null) return NARROWEST;
  context.font = `12px ${getComputedStyle(place).fontFamily}`;
  return Math.min(WIDEST, Math.max(NARROWEST, Math.ceil(BESIDE + context.measureText(USUAL).width)));
}

export const CARD_HEIGHT = 46;

/** Letters of which none is wider than usual. */
const PLAIN = /^[ -@[-~·]*$/;
/** What is written from right to left, or turns the direction, is not cut in two. */
const BIDI = /[\u0590-\u08ff\u200e\u200f\u202a-\u202e\u2066-\u2069\ufb1d-\ufeff]/;

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
    setName(this.#name, facts.name, 24);
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

/** A name that is too long for its line loses its middle: calls of one family differ at their ends. */
export function setName(element: HTMLElement, name: string, most: number): void {
  if (element.textContent === name) return;
  const letters = [...name];
  const isLong = letters.length > most && !BIDI.test(name);
  const tail = isLong ? -Math.floor(most / 3) : letters.length;
  if (isLong) element.replaceChildren(html("span", "wfj-long", {}, letters.slice(0, tail).join("")), html("span", "wfj-tail", {}, letters.slice(tail).join("")));
  else element.textContent = name;
  element.classList.toggle("wfj-split", isLong);
  element.classList.toggle("wfj-long", !isLong && !PLAIN.test(name));
}

/** Clipping hundreds of texts makes every frame dear: only what may be too long for its line is clipped. */
function setClipped(element: HTMLElement, text: string, most: number): void {
  if (element.textContent === text) return;
  element.textContent = text;
  element.classList.toggle("wfj-long", text.length > most || !PLAIN.test(text));
}
