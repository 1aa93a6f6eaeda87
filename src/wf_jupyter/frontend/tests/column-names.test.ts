import { expect, test } from "vitest";
import { columnTexts, spread } from "../src/draw/column-names.ts";
import { overview } from "../src/layout/overview.ts";

test("a column of an overview tells the name of most of its tasks, how many names there are beside it, and all tasks", () => {
  const names = ["load", "fit", "fit", "score", "a", "b", "c", "d"];
  const rank = [0, 1, 1, 1, 2, 2, 2, 2];
  const map = overview(rank, [...rank.keys()], { sources: [], targets: [] }, 10);
  const texts = columnTexts(map, (node) => ({ name: names[node]!, tasks: names[node] === "score" ? 300 : 1 }));
  expect(texts).toEqual([
    { name: "load", tasks: 1 },
    { name: "score +1", tasks: 302 },
    { name: "", tasks: 4 },
  ]);
});

test("where columns are narrow, the largest have their words, and none lies over another", () => {
  const texts = [3, 9, 1, 8, 2, 7].map((tasks) => ({ name: "n", tasks }));
  expect(spread(texts, 64)).toHaveLength(6);
  expect(spread(texts, 32)).toEqual([1, 3, 5]);
});
