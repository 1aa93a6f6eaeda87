// The log of one attempt, however long: a window of it is on the page, and what lies before and after comes by scrolling.
import { button, html, setText } from "../draw/element.ts";
import { bytes, count } from "../draw/format.ts";
import { overwritten, PLAIN, stretchElement, stretches, type Pen } from "./ansi.ts";
import type { LogReader, LogStretch } from "./log-reader.ts";

/** Bytes that are fetched at once, and bytes on the page. */
const PAGE = 1 << 18;
const MOST = 1 << 21;
/** Lines that the page lays out together, when they come in sight. */
const LINES = 200;
const LONGEST = 20_000;
const LINE_PX = 17.4;
const NEAR_PX = 400;
const NEWS_MS = 100;
/** An answer that takes longer does not keep from showing what is known without it. */
const SLOW_MS = 1_500;
/** Beyond this an attempt prints without events that tell of it. */
const SILENT = 1 << 20;
const POLL_MS = 1_000;
const TRIES = 12;

interface Part {
  readonly element: HTMLElement;
  readonly text: string;
  readonly start: Pen;
  readonly end: Pen;
  readonly size: number;
}

/** Shows one attempt at a time, from its end on, and follows the end while one looks at it. */
export class LogView {
  readonly element: HTMLElement;
  readonly #pre = html("div", "wfj-log", { tabindex: 0, role: "log", "aria-label": "log", "aria-live": "off" });
  readonly #results = html("div", "wfj-log", { role: "group", "aria-label": "Found lines", hidden: true });
  readonly #since = html("div", "wfj-log-part");
  readonly #note = html("p", "wfj-note", { hidden: true });
  readonly #search = html("input", "wfj-search", { type: "search", placeholder: "Find in the log", "aria-label": "Find in the log" });
  readonly #found = html("span", "wfj-dim", { role: "status" });
  readonly #tries = html("span", "wfj-tabs", { role: "group", "aria-label": "Try", hidden: true });
  readonly #ends: readonly HTMLElement[];
  #parts: Part[] = [];
  #attempt = 0;
  #attempts = 0;
  #from = 0;
  #end = 0;
  #size = 0;
  /** Where to begin: at a byte, at the end, or null once it has begun. */
  #begin: number | "end" | null = "end";
  #news = false;
  #busy = false;
  #readAt = 0;
  #heard: { readonly attempt: number; readonly text: string }[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly reader: LogReader) {
    this.#ends = [
      button("Start", "wfj-toggle-button", () => this.#open(this.#attempt, 0), "Start of the log"),
      button("End", "wfj-toggle-button", () => this.#open(this.#attempt, "end"), "End of the log"),
    ];
    const bar = html("div", "wfj-log-bar", {}, this.#tries, this.#search, this.#found, ...this.#ends);
    this.element = html("div", "wfj-log-box", {}, bar, this.#note, this.#pre, this.#results);
    this.#search.addEventListener("input", () => this.#later(() => void this.#find(), 2 * NEWS_MS));
    this.#pre.addEventListener("scroll", () => void this.#look(), { passive: true });
    this.#showSize();
  }

  /** So many attempts were started: a new one is shown if the last one was. */
  set attempts(known: number) {
    if (known === this.#attempts) return;
    const last = this.#attempt === this.#attempts;
    this.#attempts = known;
    if (last) this.#open(known, "end");
    else this.#showTries();
  }

  /** An attempt printed something just now. */
  said(attempt: number, text: string): void {
    this.#heard.push({ attempt, text });
    if (this.#heard.length > 2 * LINES) this.#heard.shift();
    if (attempt !== this.#attempt) return;
    this.#news ||= this.#end >= this.#size;
    if (this.#since.isConnected) this.#showHeard();
    this.#later(() => void this.#look(), NEWS_MS);
  }

  /** The task runs: look for what no event tells of. */
  tick(): void {
    if (this.#size < SILENT || this.#attempt !== this.#attempts || Date.now() - this.#readAt < POLL_MS) return;
    this.#news ||= this.#end >= this.#size;
    void this.#look();
  }

  #later(act: () => void, ms: number): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      act();
    }, ms);
  }

  #open(attempt: number, begin: number | "end"): void {
    this.#attempt = attempt;
    this.#begin = begin;
    this.#search.value = "";
    setText(this.#found, "");
    this.#showTries();
    void this.#look();
  }

  // -- fetching -------------------------------------------------------------------------------------

  /** Fetch what is wanted, one stretch after another. */
  async #look(): Promise<void> {
    if (this.#busy || this.#attempt === 0) return;
    this.#busy = true;
    const slow = setTimeout(() => this.#showHeard(), SLOW_MS);
    try {
      while (await this.#step());
      this.#note.hidden = this.#size > 0;
      setText(this.#note, "This try printed nothing.");
    } catch (error) {
      this.#note.hidden = false;
      setText(this.#note, `The log cannot be read: ${error instanceof Error ? error.message : String(error)}`);
      this.#showHeard();
    }
    clearTimeout(slow);
    this.#busy = false;
    this.#showSize();
  }

  /** Fetch one stretch; false when nothing more is wanted. */
  async #step(): Promise<boolean> {
    const { scrollTop, scrollHeight, clientHeight } = this.#pre;
    if (this.#begin !== null) await this.#start(this.#begin);
    else if (this.#news || (this.#end < this.#size && clientHeight > 0 && scrollHeight - scrollTop - clientHeight < NEAR_PX)) {
      const got = await this.#read(this.#end, PAGE);
      if (got === null) return true;
      this.#append(got);
      this.#news &&= got.end < got.size;
      return got.text !== "";
    } else if (this.#from > 0 && clientHeight > 0 && scrollTop < NEAR_PX) {
      const offset = Math.max(0, this.#from - PAGE);
      const got = await this.#read(offset, this.#from - offset);
      if (got !== null) this.#prepend(got.text, offset);
    } else return false;
    return true;
  }

  async #start(begin: number | "end"): Promise<void> {
    this.#begin = null;
    this.#news = false;
    let offset = begin === "end" ? 0 : begin;
    let got = await this.#read(offset, PAGE);
    if (begin === "end" && got !== null && got.end < got.size) got = await this.#read((offset = got.size - PAGE), PAGE);
    if (got === null) return;
    this.#parts = [];
    this.#pre.replaceChildren();
    const text = whole(got.text, begin === "end" ? offset : 0);
    this.#from = this.#end = got.end - byteLength(text);
    this.#append({ ...got, text });
    this.#pre.scrollTop = begin === "end" ? this.#pre.scrollHeight : 0;
  }

  /** A stretch of the attempt; null when another attempt or place was asked for meanwhile. */
  async #read(offset: number, limit: number): Promise<LogStretch | null> {
    const attempt = this.#attempt;
    const got = await this.reader.read(attempt, offset, limit);
    this.#readAt = Date.now();
    if (attempt !== this.#attempt || this.#begin !== null) return null;
    if (got.end >= got.size) this.#heard = [];
    this.#since.remove();
    this.#size = got.size;
    return got;
  }

  // -- showing --------------------------------------------------------------------------------------

  #append(got: LogStretch): void {
    const pre = this.#pre;
    const following = pre.scrollHeight - pre.scrollTop - pre.clientHeight < 24;
    const last = this.#parts.at(-1);
    const joins = last !== undefined && last.text.length < MOST;
    if (joins) {
      this.#parts.pop();
      last.element.remove();
    }
    for (const part of made(joins ? last.text + got.text : got.text, joins ? last.start : (last?.end ?? PLAIN))) {
      this.#parts.push(part);
      pre.append(part.element);
    }
    this.#end = got.end;
    while (this.#end - this.#from > MOST && this.#parts.length > 1) {
      const first = this.#parts.shift()!;
      const before = pre.scrollHeight;
      first.element.remove();
      if (!following) pre.scrollTop -= before - pre.scrollHeight;
      this.#from += first.size;
    }
    if (following) pre.scrollTop = pre.scrollHeight;
  }

  #prepend(stretch: string, offset: number): void {
    const pre = this.#pre;
    const text = whole(stretch, offset);
    const fresh = made(text, PLAIN);
    const below = pre.scrollHeight - pre.scrollTop;
    pre.prepend(...fresh.map(({ element }) => element));
    this.#parts.unshift(...fresh);
    this.#from = text === stretch ? offset : this.#from - byteLength(text);
    while (this.#end - this.#from > MOST && this.#parts.length > fresh.length + 1) {
      const last = this.#parts.pop()!;
      last.element.remove();
      this.#end -= last.size;
    }
    pre.scrollTop = pre.scrollHeight - below;
  }

  /** What was heard of since the last answer, while none comes. */
  #showHeard(): void {
    const text = this.#heard.filter(({ attempt }) => attempt === this.#attempt).map((piece) => piece.text).join("");
    this.#since.replaceChildren(...rendered(text, PLAIN)[0]);
    if (text && !this.#since.isConnected) this.#pre.append(this.#since);
  }

  #showSize(): void {
    for (const end of this.#ends) end.hidden = this.#size <= PAGE;
    if (!this.#search.value) setText(this.#found, this.#size > PAGE ? bytes(this.#size) : "");
    this.#results.hidden = this.#search.value === "";
    this.#pre.hidden = !this.#results.hidden;
  }

  #showTries(): void {
    this.#tries.hidden = this.#attempts < 2;
    const first = Math.max(1, this.#attempts - TRIES + 1);
    const tries = Array.from({ length: this.#attempts - first + 1 }, (_, i) => first + i);
    this.#tries.replaceChildren(...tries.map((attempt) => {
      const choice = button(String(attempt), "wfj-tab", () => this.#open(attempt, "end"), `Try ${attempt}`);
      choice.classList.toggle("wfj-chosen", attempt === this.#attempt);
      choice.setAttribute("aria-pressed", String(attempt === this.#attempt));
      return choice;
    }));
  }

  // -- searching ------------------------------------------------------------------------------------

  /** The lines of the whole log that hold the text; each leads to its place. */
  async #find(): Promise<void> {
    const [wanted, attempt] = [this.#search.value, this.#attempt];
    if (wanted === "") return this.#showSize();
    setText(this.#found, "searching…");
    const { lines, count: all } = await this.reader.search(attempt, wanted).catch(() => ({ lines: [], count: -1 }));
    if (wanted !== this.#search.value || attempt !== this.#attempt) return;
    const more = all > lines.length ? `, the first ${count(lines.length)} are shown` : "";
    setText(this.#found, all < 0 ? "the log cannot be searched" : `${count(all)} ${all === 1 ? "line" : "lines"}${more}`);
    this.#results.replaceChildren(...lines.map(({ line, offset, text }) => {
      const at = Math.max(0, text.toLowerCase().indexOf(wanted.toLowerCase()));
      const end = at + wanted.length;
      const found = button("", "wfj-found", () => {
        this.#open(attempt, offset);
        this.#showSize();
        this.#pre.focus();
      });
      found.append(html("span", "wfj-dim", {}, `${count(line)} `), text.slice(0, at), html("mark", "", {}, text.slice(at, end)), text.slice(end));
      return found;
    }));
    this.#showSize();
  }
}

/** The text from the first line on that is whole: one that begins in the middle is left out. */
function whole(text: string, offset: number): string {
  return offset === 0 ? text : text.slice(text.indexOf("\n") + 1);
}

/** Text as parts of so many lines, each drawn when it comes in sight. */
function made(text: string, pen: Pen): Part[] {
  const parts: Part[] = [];
  let start = pen;
  for (let from = 0; from < text.length; ) {
    let to = from;
    let lines = 0;
    for (; lines < LINES && to < text.length; lines++) to = text.indexOf("\n", to) + 1 || text.length;
    const piece = text.slice(from, to);
    const [nodes, end] = rendered(piece, start);
    const element = html("div", "wfj-log-part", {}, ...nodes);
    element.style.setProperty("contain-intrinsic-height", `auto ${Math.round(lines * LINE_PX)}px`);
    parts.push({ element, text: piece, start, end, size: byteLength(piece) });
    start = end;
    from = to;
  }
  return parts;
}

function rendered(text: string, pen: Pen): readonly [Node[], Pen] {
  const short = overwritten(text).split("\n").map((line) => (line.length > LONGEST ? `${line.slice(0, LONGEST)} … cut` : line)).join("\n");
  const { parts, pen: end } = stretches(short, pen);
  return [parts.map(stretchElement), end];
}

function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}
