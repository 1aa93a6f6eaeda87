// A Python traceback as people look for the cause: their own frames first, those of libraries folded away.
import { html } from "../draw/element.ts";
import { count } from "../draw/format.ts";
import { stretches } from "./ansi.ts";
import { plainText } from "./rich.ts";

const FRAME = /^ {2}File "([^"]*)", line (\d+)(?:, in (.*))?$/;
const LIBRARY = /[\\/](?:site-packages|dist-packages|lib[\\/]python[\d.]+|python\d+[\\/]lib|wf_jupyter)[\\/]|^<frozen /i;
const MOST = 50;

/** One frame: where, and the lines that belong to it as they stand in the traceback. */
export interface Frame {
  readonly text: string;
  readonly isLibrary: boolean;
}

/** The frames of a traceback in its order; empty when it has none that can be told apart. */
export function frames(traceback: string): Frame[] {
  const found: { lines: string[]; isLibrary: boolean }[] = [];
  let open = false;
  for (const line of stretches(traceback).parts.map(({ text }) => text).join("").split("\n")) {
    const match = FRAME.exec(line);
    if (match !== null) found.push({ lines: [line], isLibrary: LIBRARY.test(match[1]!) });
    else if (open && line.startsWith("    ")) found.at(-1)!.lines.push(line);
    open = match !== null || (open && line.startsWith("    "));
  }
  return found.map(({ lines, isLibrary }) => ({ text: lines.join("\n"), isLibrary }));
}

/** The user's frames, then the whole traceback folded; the whole where nothing can be left out. */
export function tracebackElements(traceback: string): HTMLElement[] {
  const all = frames(traceback);
  const own = all.filter(({ isLibrary }) => !isLibrary);
  if (own.length === 0 || own.length === all.length) return [plainText(traceback)];
  const hidden = all.length - own.length;
  const words = `Whole traceback, with ${count(hidden)} ${hidden === 1 ? "frame" : "frames"} of libraries`;
  const whole = html("details", "wfj-fold", {}, html("summary", "", {}, words));
  whole.addEventListener("toggle", () => whole.childElementCount === 1 && whole.append(plainText(traceback)), { once: true });
  return [plainText(own.slice(-MOST).map(({ text }) => text).join("\n")), whole];
}
