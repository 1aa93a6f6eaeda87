// Cells that are pasted into a spreadsheet are text, whatever they begin with.
import { expect, test } from "vitest";

import { sheetCell } from "../src/ui/clipboard.ts";

test.each(["=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1+1", "\r=1", "  =1", '"=1"', "'=1", "|calc", "%0A=1", "\uFF1D1"])(
  "%j is marked as text",
  (cell) => expect(sheetCell(cell)).toMatch(/^'\S/),
);

test.each(["-1", "+2.5", "fetch[3]", "1.5 s", "", "a = b"])("%j stays as it is", (cell) => expect(sheetCell(cell)).toBe(cell));

test("a cell stays one cell", () => expect(sheetCell("a\tb\r\nc")).toBe("a b c"));
