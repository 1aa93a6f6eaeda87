// A log that grows: the newest lines, following the end while one looks at it; by attempt, and searched.
import { button, html, setText } from "../draw/element.ts";
import { count } from "../draw/words.ts";
import { overwritten, PLAIN, stretchElement, stretches, type Pen } from "./ansi.ts";

/** Pieces on the page, and pieces kept for the search. */
const MOST_PIECES = 2_000;
const KEPT = 20_000;
const LONGEST = 20_000;

/** One piece of a log, as the server or an event tells it. */
export interface LogPiece {
  readonly attempt: number;
  readonly stream: string;
  readonly text: string;
  readonly seq: number;
}

/** Shows pieces of a log in order; those that are there already are skipped. */
export class LogView {
  readonly element: HTMLElement;
  readonly #pre = html("pre", "wfj-log", { tabindex: 0, role: "log", "aria-label": "log", "aria-live": "off" });
  readonly #note = html("p", "wfj-note", { hidden: true });
  readonly #search = html("input", "wfj-search", { type: "search", placeholder: "Find in the log", "aria-label": "Find in the log" });
  readonly #found = html("span", "wfj-dim", { role: "status" });
  readonly #tries = html("span", "wfj-tabs", { role: "group", "aria-label": "Try", hidden: true });
  #pieces: LogPiece[] = [];
  #attempts: number[] = [];
  #only = 0;
  #last = 0;
  #attempt = 0;
  #left = 0;
  #pens = new Map<string, Pen>();

  constructor() {
    const bar = html("div", "wfj-log-bar", {}, this.#tries, this.#search, this.#found);
    this.element = html("div", "wfj-log-box", {}, bar, this.#note, this.#pre);
    this.#search.addEventListener("input", () => this.#rebuild());
  }

  get isEmpty(): boolean {
    return this.#pieces.length === 0;
  }

  add(pieces: readonly LogPiece[]): void {
    const fresh = pieces.filter((piece) => piece.seq > this.#last);
    if (fresh.length === 0) return;
    this.#last = fresh.at(-1)!.seq;
    for (const piece of fresh) this.#pieces.push(piece);
    if (this.#pieces.length > KEPT * 1.25) {
      this.#left += this.#pieces.length - KEPT;
      this.#pieces = this.#pieces.slice(-KEPT);
    }
    this.#showTries(fresh);
    if (this.#search.value) this.#rebuild();
    else this.#show(fresh);
  }

  #show(fresh: readonly LogPiece[]): void {
    const pre = this.#pre;
    const following = pre.scrollHeight - pre.scrollTop - pre.clientHeight < 24;
    if (fresh.length >= MOST_PIECES) pre.replaceChildren();
    for (const piece of fresh.slice(-MOST_PIECES)) this.#append(piece);
    while (pre.childElementCount > MOST_PIECES) pre.firstElementChild!.remove();
    const hidden = this.#left + Math.max(0, this.#pieces.length - MOST_PIECES);
    this.#note.hidden = hidden === 0 || this.#search.value !== "";
    if (hidden > 0) setText(this.#note, `${count(hidden)} earlier pieces are not shown`);
    if (following) pre.scrollTop = pre.scrollHeight;
  }

  /** Everything anew: another attempt, or another search. */
  #rebuild(): void {
    this.#pre.replaceChildren();
    this.#pens.clear();
    this.#attempt = 0;
    const wanted = this.#search.value.toLowerCase();
    if (wanted) this.#find(wanted);
    else {
      setText(this.#found, "");
      this.#show(this.#pieces);
    }
  }

  /** The lines that hold the text, with what was found marked. */
  #find(wanted: string): void {
    let found = 0;
    this.#note.hidden = true;
    for (const { attempt, text } of this.#pieces) {
      if (this.#only !== 0 && attempt !== this.#only) continue;
      const plain = stretches(overwritten(text.slice(0, LONGEST))).parts.map((part) => part.text).join("");
      for (const line of plain.split("\n")) {
        const at = line.toLowerCase().indexOf(wanted);
        if (at < 0 || ++found > MOST_PIECES) continue;
        const end = at + wanted.length;
        this.#pre.append(html("div", "", {}, line.slice(0, at), html("mark", "", {}, line.slice(at, end)), line.slice(end)));
      }
    }
    setText(this.#found, `${count(found)} ${found === 1 ? "line" : "lines"}`);
  }

  #showTries(fresh: readonly LogPiece[]): void {
    const known = this.#attempts.length;
    for (const { attempt } of fresh) if (!this.#attempts.includes(attempt)) this.#attempts.push(attempt);
    if (this.#attempts.length === known || this.#attempts.length < 2) return;
    this.#tries.hidden = false;
    const choice = (attempt: number): HTMLElement => {
      const made = button(attempt === 0 ? "All tries" : String(attempt), "wfj-tab", () => {
        this.#only = attempt;
        for (const other of this.#tries.children) other.classList.toggle("wfj-chosen", other === made);
        this.#rebuild();
      }, attempt === 0 ? "" : `Try ${attempt}`);
      made.classList.toggle("wfj-chosen", attempt === this.#only);
      return made;
    };
    this.#tries.replaceChildren(...[0, ...this.#attempts.slice(-12)].map(choice));
  }

  #append(piece: LogPiece): void {
    if (this.#only !== 0 && piece.attempt !== this.#only) return;
    if (piece.attempt !== this.#attempt) {
      if (this.#attempt !== 0) this.#pre.append(html("div", "wfj-log-try", {}, `try ${piece.attempt}`));
      this.#attempt = piece.attempt;
      this.#pens.clear();
    }
    const text = piece.text.length > LONGEST ? `${piece.text.slice(0, LONGEST)} … cut` : piece.text;
    const { parts, pen } = stretches(overwritten(text), this.#pens.get(piece.stream) ?? PLAIN);
    this.#pens.set(piece.stream, pen);
    this.#pre.append(html("span", piece.stream === "stderr" ? "wfj-stderr" : "", {}, ...parts.map(stretchElement)));
  }
}
