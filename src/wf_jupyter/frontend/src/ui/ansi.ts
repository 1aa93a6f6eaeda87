// Terminal colours in logs: the common SGR codes become classes, every other control sequence is dropped.
import { html } from "../draw/element.ts";

/** How text looks from here on; it carries over from one piece of a log to the next. */
export interface Pen {
  readonly ink: string;
  readonly paper: string;
  readonly marks: readonly string[];
}

export const PLAIN: Pen = { ink: "", paper: "", marks: [] };

/** A stretch of text with one look. */
export interface Stretch {
  readonly text: string;
  readonly pen: Pen;
}

// CSI sequences; OSC sequences up to BEL or ST (not over lines); any other two-character escape
const SEQUENCE = /\x1b\[([0-9;:<=>?]*)[ -/]*([@-~])|\x1b\][^\x07\x1b\n]*(?:\x07|\x1b\\)?|\x1b[ -~]?/g;
// eslint-disable-next-line no-control-regex
const CONTROL = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]/g;
const MARKS: Readonly<Record<number, string>> = { 1: "bold", 2: "faint", 3: "italic", 4: "underline", 9: "strike" };

/** Split text into stretches; returns them and the pen at the end. */
export function stretches(text: string, start: Pen = PLAIN): { parts: Stretch[]; pen: Pen } {
  const parts: Stretch[] = [];
  let pen = start;
  let from = 0;
  const add = (to: number): void => {
    const piece = text.slice(from, to).replace(CONTROL, "");
    if (piece) parts.push({ text: piece, pen });
  };
  for (const match of text.matchAll(SEQUENCE)) {
    add(match.index);
    from = match.index + match[0].length;
    if (match[2] === "m" && /^[\d;:]*$/.test(match[1]!)) pen = applied(pen, match[1]!.split(/[;:]/).map(Number));
  }
  add(text.length);
  return { parts, pen };
}

/** What a terminal would show of lines that were written over with carriage returns. */
export function overwritten(text: string): string {
  if (!text.includes("\r")) return text;
  return text
    .split("\n")
    .map((line) => line.replace(/\r+$/, "").split("\r").at(-1)!)
    .join("\n");
}

/** The stretch as an element; text stays text. */
export function stretchElement({ text, pen }: Stretch): Node {
  if (pen.ink === "" && pen.paper === "" && pen.marks.length === 0) return document.createTextNode(text);
  const element = html("span", pen.marks.map((mark) => `wfj-a-${mark}`).join(" "), {}, text);
  if (pen.ink) element.style.color = pen.ink;
  if (pen.paper) element.style.backgroundColor = pen.paper;
  return element;
}

function applied(pen: Pen, codes: readonly number[]): Pen {
  let { ink, paper } = pen;
  let marks = [...pen.marks];
  for (let i = 0; i < codes.length; i++) {
    const code = codes[i]!;
    if (code === 0) [ink, paper, marks] = ["", "", []];
    else if (MARKS[code]) marks = [...new Set([...marks, MARKS[code]!])];
    else if (code === 22) marks = marks.filter((mark) => mark !== "bold" && mark !== "faint");
    else if (code === 23 || code === 24 || code === 29) marks = marks.filter((mark) => mark !== MARKS[code - 20]);
    else if (code === 7) [ink, paper] = [paper || "var(--wfj-bg)", ink || "var(--wfj-ink)"];
    else if (code === 38 || code === 48) {
      const [colour, used] = extended(codes.slice(i + 1));
      i += used;
      if (code === 38) ink = colour;
      else paper = colour;
    } else if (code === 39) ink = "";
    else if (code === 49) paper = "";
    else if (code >= 30 && code <= 37) ink = named(code - 30);
    else if (code >= 90 && code <= 97) ink = named(code - 82);
    else if (code >= 40 && code <= 47) paper = named(code - 40);
    else if (code >= 100 && code <= 107) paper = named(code - 92);
  }
  return { ink, paper, marks };
}

/** One of the 16 colours: the bright ones stand out more from the page's ground. */
function named(index: number): string {
  return index < 8 ? `var(--wfj-ansi-${index})` : `color-mix(in srgb, ${named(index - 8)} 70%, var(--wfj-ink))`;
}

/** `5;n` and `2;r;g;b`: the colour, and how many codes it took. */
function extended(codes: readonly number[]): readonly [string, number] {
  const byte = (value: number | undefined): number => Math.max(0, Math.min(255, value || 0));
  if (codes[0] === 2) return [`rgb(${byte(codes[1])} ${byte(codes[2])} ${byte(codes[3])})`, 4];
  if (codes[0] !== 5) return ["", codes.length];
  const n = byte(codes[1]);
  if (n < 16) return [named(n), 2];
  if (n >= 232) return [`rgb(${Array<number>(3).fill(8 + (n - 232) * 10).join(" ")})`, 2];
  const level = (value: number): number => (value === 0 ? 0 : 55 + value * 40);
  const cube = n - 16;
  return [`rgb(${level(Math.floor(cube / 36))} ${level(Math.floor(cube / 6) % 6)} ${level(cube % 6)})`, 2];
}
