import { expect, test } from "vitest";
import { overwritten, stretches } from "../src/ui/ansi.ts";

const looks = (text: string): [string, string, string, readonly string[]][] =>
  stretches(text).parts.map(({ text: part, pen }) => [part, pen.ink, pen.paper, pen.marks]);

test("colours and marks begin and end where they should", () => {
  expect(looks("a\x1b[1;31mb\x1b[22mc\x1b[0md")).toEqual([
    ["a", "", "", []],
    ["b", "var(--wfj-ansi-1)", "", ["bold"]],
    ["c", "var(--wfj-ansi-1)", "", []],
    ["d", "", "", []],
  ]);
});

test("256 and true colours, and bright ones", () => {
  expect(looks("\x1b[38;5;196mx")[0]![1]).toBe("rgb(255 0 0)");
  expect(looks("\x1b[48;2;1;2;300mx")[0]![2]).toBe("rgb(1 2 255)");
  expect(looks("\x1b[95mx")[0]![1]).toBe("color-mix(in srgb, var(--wfj-ansi-5) 70%, var(--wfj-ink))");
});

test("every other control sequence vanishes, and none can hang", () => {
  expect(looks("\x1b[2J\x1b[1;1Ha\x1b]8;;http://evil\x07link\x1b]8;;\x07\x07\x00b\x1b[?25l")).toEqual([
    ["a", "", "", []],
    ["link", "", "", []],
    ["b", "", "", []],
  ].map(([text, ...rest]) => [text, ...rest]) as never);
  expect(stretches("\x1b[" + "9;".repeat(50_000) + "m").parts).toEqual([]);
  expect(looks("\x1b[31")[0]?.[0] ?? "").not.toContain("\x1b");
});

test("a pen carries over to the next piece", () => {
  const { pen } = stretches("\x1b[32m");
  expect(stretches("green", pen).parts[0]!.pen.ink).toBe("var(--wfj-ansi-2)");
});

test("lines written over with carriage returns show their last state", () => {
  expect(overwritten("10 %\r50 %\r100 %\ndone\r\n")).toBe("100 %\ndone\n");
});
