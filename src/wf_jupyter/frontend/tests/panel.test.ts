import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { FoundLine, LogReader, LogStretch } from "../src/ui/log-reader.ts";
import { LogView } from "../src/ui/log.ts";
import { frames, tracebackElements } from "../src/ui/traceback.ts";

afterEach(() => document.body.replaceChildren());

const TRACE = `Traceback (most recent call last):
  \u001b[36mFile "/home/ana/etl.py", line 41, in validate\u001b[0m
    check(frame)
    ~~~~~^^^^^^^
  File "/usr/lib/python3.12/site-packages/pandas/core.py", line 9, in check
    raise ValueError("no")
  File "<frozen importlib._bootstrap>", line 3, in _load
ValueError: no
`;

describe("a traceback", () => {
  test("tells the user's frames from those of libraries", () => {
    expect(frames(TRACE).map(({ text, isLibrary }) => [text.split("\n").length, isLibrary])).toEqual([[3, false], [2, true], [1, true]]);
  });

  test("shows the user's frames and folds the whole", () => {
    const [own, whole] = tracebackElements(TRACE) as [HTMLElement, HTMLDetailsElement];
    expect(own.textContent).toContain("/home/ana/etl.py");
    expect(own.textContent).not.toContain("pandas");
    expect(whole.querySelector("summary")!.textContent).toBe("Whole traceback, with 2 frames of libraries");
  });

  test("takes the standard library for a library, wherever Python lives", () => {
    const paths = ["/usr/lib/python3.12/pathlib.py", "C:\\Python312\\Lib\\json\\decoder.py", "/home/a/.pyenv/versions/3.11.7/lib/python3.11/json/decoder.py"];
    expect(paths.flatMap((path) => frames(`  File "${path}", line 1, in f\n    x`)).map(({ isLibrary }) => isLibrary)).toEqual([true, true, true]);
  });

  test("is shown whole where nothing can be told apart", () => {
    for (const text of ["", "garbage\n  File nothing", '  File "a.py", line 1, in f\n    x']) {
      const made = tracebackElements(text);
      expect(made).toHaveLength(1);
      expect(made[0]!.textContent).toBe(text);
    }
  });
});

describe("a log", () => {
  /** Attempts that print, and how their logs are read. */
  class Printer implements LogReader {
    readonly texts: string[] = [];
    reads = 0;

    print(attempt: number, text: string): void {
      this.texts[attempt] = (this.texts[attempt] ?? "") + text;
    }

    async read(attempt: number, offset: number, limit: number): Promise<LogStretch> {
      this.reads++;
      const all = new TextEncoder().encode(this.texts[attempt] ?? "");
      const from = Math.min(offset, all.length);
      const end = Math.min(all.length, from + limit);
      return { text: new TextDecoder().decode(all.subarray(from, end)), end, size: all.length };
    }

    async search(attempt: number, text: string): Promise<{ count: number; lines: FoundLine[] }> {
      const lines = this.texts[attempt]!.split("\n").flatMap((line, i) => (line.includes(text) ? [{ line: i + 1, offset: 0, text: line }] : []));
      return { count: lines.length, lines };
    }
  }

  const shown = (log: LogView): HTMLElement => log.element.querySelector("[role=log]")!;
  const settled = (): Promise<unknown> => vi.advanceTimersByTimeAsync(1_000);
  const opened = async (printer: Printer, attempts = 1): Promise<LogView> => {
    const log = new LogView(printer);
    document.body.append(log.element);
    log.attempts = attempts;
    await settled();
    return log;
  };

  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());

  test("of a million lines shows the end, and stays small on the page", async () => {
    const printer = new Printer();
    printer.print(1, Array.from({ length: 1_000_000 }, (_, i) => `line ${i}\n`).join(""));
    const log = await opened(printer);
    expect(shown(log).textContent!.endsWith("line 999999\n")).toBe(true);
    expect(shown(log).textContent!.length).toBeLessThan(300_000);
    expect(/^line \d+\n/.test(shown(log).textContent!)).toBe(true);
    for (let i = 0; i < 40; i++) {
      printer.print(1, `more ${i} ${"x".repeat(99_990)}\n`);
      log.said(1, "");
      await settled();
    }
    expect(shown(log).textContent).toContain("more 39");
    expect(shown(log).textContent!.length).toBeLessThan(3_000_000);
    expect(shown(log).childElementCount).toBeLessThan(300);
    [...log.element.querySelectorAll("button")].find((b) => b.textContent === "Start")!.click();
    await settled();
    expect(shown(log).textContent!.startsWith("line 0\nline 1\n")).toBe(true);
  }, 30_000);

  test("grows by exactly what was printed, however often it is told of", async () => {
    const printer = new Printer();
    printer.print(1, "a €\nhalf a ");
    const log = await opened(printer);
    printer.print(1, "line\nnext");
    for (let i = 0; i < 5; i++) log.said(1, "line\nnext");
    await settled();
    expect(shown(log).textContent).toBe("a €\nhalf a line\nnext");
    const { reads } = printer;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(printer.reads).toBe(reads);
  });

  test("has one for each try, and shows the newest unless another was chosen", async () => {
    const printer = new Printer();
    printer.print(1, "first\n");
    printer.print(2, "second\n");
    const log = await opened(printer, 2);
    const choices = (): HTMLButtonElement[] => [...log.element.querySelectorAll<HTMLButtonElement>(".wfj-tab")];
    expect(choices().map((choice) => choice.textContent)).toEqual(["1", "2"]);
    expect(shown(log).textContent).toBe("second\n");
    printer.print(3, "third\n");
    log.attempts = 3;
    await settled();
    expect(shown(log).textContent).toBe("third\n");
    choices()[0]!.click();
    await settled();
    expect(shown(log).textContent).toBe("first\n");
    log.attempts = 4;
    await settled();
    expect(shown(log).textContent).toBe("first\n");
  });

  test("shows found lines as text, and leads to their place", async () => {
    const printer = new Printer();
    printer.print(1, "one\nTwo <b>three</b>\nfour\n");
    const log = await opened(printer);
    const search = log.element.querySelector("input")!;
    search.value = "<b>three";
    search.dispatchEvent(new Event("input"));
    await settled();
    expect(shown(log).hidden).toBe(true);
    expect(log.element.querySelector("mark")!.textContent).toBe("<b>three");
    expect(log.element.querySelector("[role=status]")!.textContent).toBe("1 line");
    log.element.querySelector<HTMLButtonElement>(".wfj-found")!.click();
    await settled();
    expect(shown(log).hidden).toBe(false);
    expect(shown(log).textContent).toContain("four");
  });

  test("that cannot be read says why, and shows what was heard meanwhile", async () => {
    const printer = new Printer();
    printer.read = () => Promise.reject(new Error("nobody is there"));
    const log = new LogView(printer);
    log.said(1, "heard\n");
    log.attempts = 1;
    await settled();
    expect(log.element.querySelector(".wfj-note")!.textContent).toBe("The log cannot be read: nobody is there");
    expect(shown(log).textContent).toBe("heard\n");
  });
});
