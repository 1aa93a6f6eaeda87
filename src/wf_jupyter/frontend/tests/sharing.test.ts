import { expect, test } from "vitest";
import type { Widget } from "../src/lab/lumino.ts";
import { waitForOthers } from "../src/lab/sharing.ts";

function shownBy(clientID: number, pages: readonly number[]): Widget {
  const awareness = { clientID, getStates: () => new Map(pages.map((page) => [page, {}])) };
  const cell = { parent: null, model: { sharedModel: { awareness } } };
  return { parent: cell } as unknown as Widget;
}

test("a page alone with its notebook waits for nobody", () => {
  expect(waitForOthers({ parent: null } as unknown as Widget)).toBe(0);
  expect(waitForOthers(shownBy(7, []))).toBe(0);
  expect(waitForOthers(shownBy(7, [7]))).toBe(0);
});

test("of several pages each has a turn of its own, after the kernel's", () => {
  const turns = [30, 4, 7].map((page) => waitForOthers(shownBy(page, [30, 4, 7])));
  expect(new Set(turns).size).toBe(3);
  expect(Math.min(...turns)).toBeGreaterThan(1_000);
});
