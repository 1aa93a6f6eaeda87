import { afterEach, describe, expect, test } from "vitest";
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

  test("is shown whole where nothing can be told apart", () => {
    for (const text of ["", "garbage\n  File nothing", '  File "a.py", line 1, in f\n    x']) {
      const made = tracebackElements(text);
      expect(made).toHaveLength(1);
      expect(made[0]!.textContent).toBe(text);
    }
  });
});

describe("a log", () => {
  const piece = (seq: number, text: string, attempt = 1): { seq: number; text: string; attempt: number; stream: string } => ({ seq, text, attempt, stream: "stdout" });
  const shown = (log: LogView): HTMLElement => log.element.querySelector("pre")!;
  const find = (log: LogView, text: string): void => {
    const search = log.element.querySelector("input")!;
    search.value = text;
    search.dispatchEvent(new Event("input"));
  };

  test("of a million lines stays small on the page and in memory", () => {
    const log = new LogView();
    for (let i = 0; i < 1_000_000; i += 100_000) log.add(Array.from({ length: 100_000 }, (_, k) => piece(i + k + 1, `line ${i + k}\n`)));
    expect(shown(log).childElementCount).toBeLessThanOrEqual(2_000);
    expect(shown(log).textContent).toContain("line 999999");
    expect(log.element.querySelector(".wfj-note")!.textContent).toBe("998,000 earlier pieces are not shown");
  }, 30_000);

  test("shows each piece once", () => {
    const log = new LogView();
    log.add([piece(1, "a"), piece(2, "b")]);
    log.add([piece(2, "b"), piece(3, "c")]);
    expect(shown(log).textContent).toBe("abc");
  });

  test("shows one try alone", () => {
    const log = new LogView();
    log.add([piece(1, "first\n", 1), piece(2, "second\n", 2)]);
    const choices = [...log.element.querySelectorAll<HTMLButtonElement>(".wfj-tab")];
    expect(choices.map((choice) => choice.textContent)).toEqual(["All tries", "1", "2"]);
    choices[1]!.click();
    expect(shown(log).textContent).toBe("first\n");
    log.add([piece(3, "more\n", 2)]);
    expect(shown(log).textContent).toBe("first\n");
    log.element.querySelectorAll<HTMLButtonElement>(".wfj-tab")[0]!.click();
    expect(shown(log).textContent).toContain("more");
  });

  test("finds text whatever its case and colour, as text", () => {
    const log = new LogView();
    log.add([piece(1, "one\n\u001b[31mTwo <b>three</b>\u001b[0m\nfour\n")]);
    find(log, "two <B>");
    expect(shown(log).querySelector("mark")!.textContent).toBe("Two <b>");
    expect(shown(log).children).toHaveLength(1);
    find(log, "");
    expect(shown(log).textContent).toContain("four");
  });
});
