// A log that grows: the newest lines, following the end while one looks at it.
import { html, setText } from "../draw/element.ts";
import { count } from "../draw/words.ts";
import { overwritten, PLAIN, stretchElement, stretches, type Pen } from "./ansi.ts";

const MOST_PIECES = 2_000;
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
  #last = 0;
  #attempt = 0;
  #left = 0;
  #pens = new Map<string, Pen>();

  constructor() {
    this.element = html("div", "wfj-log-box", {}, this.#note, this.#pre);
  }

  get isEmpty(): boolean {
    return this.#pre.childElementCount === 0;
  }

  add(pieces: readonly LogPiece[]): void {
    const pre = this.#pre;
    const following = pre.scrollHeight - pre.scrollTop - pre.clientHeight < 24;
    const fresh = pieces.filter((piece) => piece.seq > this.#last);
    this.#left += Math.max(0, fresh.length - MOST_PIECES);
    for (const piece of fresh.slice(-MOST_PIECES)) this.#append(piece);
    this.#last = fresh.at(-1)?.seq ?? this.#last;
    while (pre.childElementCount > MOST_PIECES) {
      pre.firstElementChild!.remove();
      this.#left++;
    }
    this.#note.hidden = this.#left === 0;
    if (this.#left > 0) setText(this.#note, `${count(this.#left)} earlier pieces are not shown`);
    if (following) pre.scrollTop = pre.scrollHeight;
  }

  #append(piece: LogPiece): void {
    if (piece.attempt !== this.#attempt) {
      if (this.#attempt !== 0) this.#pre.append(html("div", "wfj-log-try", {}, `try ${piece.attempt}`));
      this.#attempt = piece.attempt;
      this.#pens.clear();
    }
    const text = piece.text.length > LONGEST ? `${piece.text.slice(0, LONGEST)} … cut` : piece.text;
    const { parts, pen } = stretches(overwritten(text), this.#pens.get(piece.stream) ?? PLAIN);
    this.#pens.set(piece.stream, pen);
    const line = html("span", piece.stream === "stderr" ? "wfj-stderr" : "", {}, ...parts.map(stretchElement));
    this.#pre.append(line);
  }
}
