import { describe, expect, test } from "vitest";
import { criticalPath, heaviest, idleGaps, pathLength, type Work } from "../src/fold/critical.ts";

const work = (begin: number, end: number, ...needs: number[]): Work => ({ begin, end, needs });

describe("the critical path", () => {
  test("goes back from the last end to what was waited for longest", () => {
    const works = [work(0, 9), work(0, 21), work(9, 16, 0), work(21, 40, 1), work(41, 98, 2, 3), work(98, 110, 4), work(16, 30, 2)];
    expect(criticalPath(works)).toEqual([1, 3, 4, 5]);
    expect(pathLength(works, [1, 3, 4, 5])).toBe(110);
    expect(heaviest(works, [1, 3, 4, 5])).toEqual({ index: 4, share: 57 / 110 });
  });

  test("of nothing is empty, and what never ran is left out", () => {
    expect(criticalPath([])).toEqual([]);
    expect(criticalPath([work(Number.NaN, Number.NaN)])).toEqual([]);
    expect(criticalPath([work(Number.NaN, Number.NaN), work(0, 5, 0)])).toEqual([1]);
    expect(heaviest([], [])).toBeNull();
  });

  test("ends in a cycle, and is fast in a long chain", () => {
    expect(criticalPath([work(0, 5, 1), work(0, 4, 0)])).toEqual([1, 0]);
    const chain = Array.from({ length: 3000 }, (_, i) => work(i, i + 1, ...(i > 0 ? [i - 1] : [])));
    expect(criticalPath(chain)).toHaveLength(3000);
  });
});

test("idle stretches are those in which nothing ran, long enough to matter", () => {
  expect(idleGaps([[0, 10], [50, 60], [5, 12], [61, 70]], 0, 100, 5)).toEqual([[12, 50], [70, 100]]);
  expect(idleGaps([], 0, 10, 5)).toEqual([[0, 10]]);
});
