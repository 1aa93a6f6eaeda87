import { describe, expect, test, vi } from "vitest";
import SOURCE from "portable:../src/layout/plan.ts";
import { Run } from "../src/fold/run.ts";
import { drawn } from "../src/layout/visible-graph.ts";
import { Background } from "../src/layout/background.ts";
import { Layout } from "../src/layout/layout.ts";
import type { Sketch } from "../src/layout/layers.ts";
import { plan, type Plan } from "../src/layout/plan.ts";
import { overview } from "../src/layout/overview.ts";
import { kin, subset } from "../src/layout/subset.ts";
import { snapshotOf, task } from "./events.ts";

/** Numbers from 0 to 1 that are the same in every run. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 1103515245 + 12345) % 2147483648) / 2147483648;
}

function random(nodes: number, most: number, seed: number): Sketch {
  const next = numbers(seed);
  const sources: number[] = [];
  const targets: number[] = [];
  for (let node = 1; node < nodes; node++) {
    const wanted = new Set(Array.from({ length: Math.floor(next() * (most + 1)) }, () => Math.floor(next() * node)));
    for (const source of wanted) {
      sources.push(source);
      targets.push(node);
    }
  }
  const across = Array.from({ length: nodes }, () => (next() < 0.2 ? 236 : 154));
  return { across, along: across.map((width) => (width === 236 ? 88 : 46)), sources, targets };
}

function check(sketch: Sketch, layout: Layout): void {
  const boxes = sketch.across.map((width, node) => {
    const { across, along } = layout.place(node);
    return { left: across - width / 2, right: across + width / 2, top: along, bottom: along + sketch.along[node]! };
  });
  sketch.sources.forEach((source, edge) => {
    const [from, to] = [boxes[source]!, boxes[sketch.targets[edge]!]!];
    if (from.bottom > to.top) throw new Error(`the edge ${source} → ${sketch.targets[edge]} leads back`);
  });
  const byTop = boxes.map((_, i) => i).sort((a, b) => boxes[a]!.top - boxes[b]!.top);
  byTop.forEach((a, i) => {
    for (let j = i + 1; j < byTop.length && boxes[byTop[j]!]!.top < boxes[a]!.bottom; j++) {
      const [p, q] = [boxes[a]!, boxes[byTop[j]!]!];
      if (p.left < q.right - 0.01 && q.left < p.right - 0.01) throw new Error(`${a} and ${byTop[j]} overlap`);
    }
  });
  for (const box of boxes) {
    expect(box.left).toBeGreaterThanOrEqual(-0.01);
    expect(box.right).toBeLessThanOrEqual(layout.width + 0.01);
    expect(box.bottom).toBeLessThanOrEqual(layout.length + 0.01);
  }
}

describe("any graph", () => {
  test.each([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])("number %i: edges lead forward and nothing overlaps", (seed) => {
    const sketch = random(5 + seed * 9, seed % 4, seed);
    check(sketch, new Layout(sketch, 700));
  });

  test.each([3, 14, 15])("number %i: grown node by node it still holds, and stays where it was", (seed) => {
    const whole = random(60, 2, seed);
    const part = (nodes: number): Sketch => {
      const kept = whole.targets.map((target, edge) => [target, edge] as const).filter(([target]) => target < nodes);
      const pick = (list: readonly number[]): number[] => kept.map(([, edge]) => list[edge]!);
      return { across: whole.across.slice(0, nodes), along: whole.along.slice(0, nodes), sources: pick(whole.sources), targets: pick(whole.targets) };
    };
    let layout = new Layout(part(30), 700);
    for (let nodes = 31; nodes <= 60; nodes++) {
      if (!layout.insert(part(nodes))) layout = new Layout(part(nodes), 700);
      check(part(nodes), layout);
    }
  });

  test("the same graph is laid out the same", () => {
    const sketch = random(80, 3, 42);
    const places = (): unknown => sketch.across.map((_, node) => new Layout(sketch, 700).place(node));
    expect(places()).toEqual(places());
  });

  test("a cycle, a loop and an edge to itself are drawn, and nothing hangs", () => {
    const sketch = { across: [154, 154, 154], along: [46, 46, 46], sources: [0, 1, 2, 1], targets: [1, 2, 0, 1] };
    expect(new Layout(sketch, 700).size).toBe(3);
  });

  test("nothing, and one node, have a layout", () => {
    expect(new Layout({ across: [], along: [], sources: [], targets: [] }, 700).length).toBe(0);
    expect(new Layout({ across: [154], along: [46], sources: [], targets: [] }, 700).place(0).along).toBe(0);
  });
});

test("growing at one place moves little else", () => {
  const sketch = random(100, 2, 7);
  const layout = new Layout(sketch, 700);
  const before = sketch.across.map((_, node) => layout.place(node));
  const rank = layout.rank(50);
  const grown = {
    across: [...sketch.across, 154],
    along: [...sketch.along, 46],
    sources: [...sketch.sources, 50],
    targets: [...sketch.targets, 100],
  };
  expect(layout.insert(grown)).toBe(true);
  const moved = before.filter((place, node) => layout.rank(node) !== rank + 1 && Math.abs(layout.place(node).across - place.across) > 5);
  expect(moved).toEqual([]);
});

test("a chain of 3,000 and a fan of 5,000 are laid out in time", () => {
  const chain = Array.from({ length: 3_000 }, (_, i) => i);
  const line = { across: chain.map(() => 154), along: chain.map(() => 46), sources: chain.slice(0, -1), targets: chain.slice(1) };
  expect(new Layout(line, 700).length).toBeGreaterThan(100_000);
  const many = Array.from({ length: 5_000 }, (_, i) => i);
  const fan = { across: [...many, 0].map(() => 154), along: [...many, 0].map(() => 46), sources: many, targets: many.map(() => 5_000) };
  check(fan, new Layout(fan, 700));
});

describe("what is drawn", () => {
  const groups = [{ key: "m", name: "m", kind: "map" as const, size: 2, dependencies: ["a"] }];
  const tasks = [
    task("a", "succeeded"),
    task("m[0]", "running", { group: "m", dependencies: ["a"] }),
    task("m[1]", "pending", { group: "m", dependencies: ["a"] }),
    task("z", "pending", { dependencies: ["m"] }),
  ];

  test("a mapped task is one node, with each edge once", () => {
    const run = new Run();
    run.load(snapshotOf(tasks, groups));
    const graph = drawn(run);
    expect(graph.nodes.map(({ key }) => key)).toEqual(["a", "z", "m"]);
    expect(graph.sources.map((source, i) => `${graph.nodes[source]!.key}>${graph.nodes[graph.targets[i]!]!.key}`).sort()).toEqual(["a>m", "m>z"]);
    expect(graph.nodes[graph.of("m[1]")!]!.key).toBe("m");
  });

  test("what was drawn before keeps its place when the graph grows", () => {
    const run = new Run();
    run.load(snapshotOf(tasks, groups));
    const before = drawn(run).nodes;
    run.load(snapshotOf([task("new", "pending"), ...tasks], groups));
    expect(drawn(run, -1, before).nodes.map(({ key }) => key)).toEqual(["a", "z", "m", "new"]);
  });

  test("a dependency that nobody knows is no edge", () => {
    const run = new Run();
    run.load(snapshotOf([task("a", "pending", { dependencies: ["nowhere"] })]));
    expect(drawn(run).sources).toEqual([]);
  });
});

describe("in the background", () => {
  /** What the bundled worker posts for a sketch. */
  function answered(sketch: Sketch): Plan {
    const made = new Function(`return (${SOURCE})()`)() as { plan(sketch: Sketch): Plan };
    return structuredClone(made.plan(structuredClone(sketch)));
  }

  test.each([1, 2, 3])("a worker finds the same places, number %i", (seed) => {
    const sketch = random(120, 3, seed);
    const [here, there] = [new Layout(sketch, 700), new Layout(sketch, 700, answered(sketch))];
    const places = (layout: Layout): unknown => sketch.across.map((_, node) => layout.place(node));
    expect(places(there)).toEqual(places(here));
    expect(there.bends(0, 7)).toEqual(here.bends(0, 7));
  });

  test("what a worker found can grow", () => {
    const sketch = random(50, 1, 5);
    const layout = new Layout(sketch, 700, answered(sketch));
    const grown = { across: [...sketch.across, 154], along: [...sketch.along, 46], sources: [...sketch.sources, 9], targets: [...sketch.targets, 50] };
    expect(layout.insert(grown)).toBe(true);
    check(grown, layout);
  });

  test("where workers are forbidden, the page finds the layout itself", async () => {
    vi.stubGlobal("Worker", class { constructor() { throw new Error("refused"); } });
    const sketch = random(30, 1, 8);
    const found = await new Promise<Plan>((resolve) => new Background().ask(sketch, resolve));
    expect(found).toEqual(plan(sketch));
    vi.unstubAllGlobals();
  });
});

describe("from far away", () => {
  const graph = { sources: [0, 1, 2, 2], targets: [2, 2, 3, 4] };

  test("every node has one bin, in the column of its rank", () => {
    const map = overview([0, 0, 1, 2, 2], [0, 1, 2, 3, 4], graph, 100);
    expect([map.columns, [...map.first]]).toEqual([3, [0, 2, 3, 5]]);
    expect([...map.binOf]).toEqual([0, 1, 2, 3, 4]);
    expect(map.ribbons).toContainEqual({ from: 0, to: 2, count: 1 });
  });

  test("5,000 into one are a hundred bins and one; 3,000 in a chain share columns", () => {
    const fan = overview([...Array(5_000).fill(0), 1], Array.from({ length: 5_001 }, (_, i) => i), { sources: [], targets: [] }, 80);
    expect([fan.size.length, Math.max(...fan.size)]).toEqual([101, 50]);
    const line = Array.from({ length: 3_000 }, (_, i) => i);
    const chain = overview(line, line, { sources: line.slice(1), targets: line.slice(0, -1) }, 80);
    expect(chain.columns).toBeLessThanOrEqual(80);
    expect([...chain.size].reduce((a, b) => a + b)).toBe(3_000);
  });
});

describe("a part of a drawing", () => {
  const node = (key: string, row: number): { key: string; row: number; group: number } => ({ key, row, group: -1 });
  const keys = ["a", "b", "c", "d", "e"];
  const whole = { nodes: keys.map(node), sources: [0, 1, 2, 0], targets: [1, 2, 3, 4], of: (key: string): number => keys.indexOf(key) };

  test("kin are all that a node needs and all that needs it", () => {
    expect([...kin(whole, 2)].sort()).toEqual([0, 1, 2, 3]);
    expect([...kin(whole, 4)].sort()).toEqual([0, 4]);
  });

  test("keeps the edges between its nodes", () => {
    const part = subset(whole, new Set([0, 1, 4]));
    expect([part.nodes.map(({ key }) => key), part.sources, part.targets]).toEqual([["a", "b", "e"], [0, 0], [1, 2]]);
    expect([part.of("e"), part.of("c")]).toEqual([2, undefined]);
  });
});

test("a large graph grows without being laid out again", () => {
  const sketch = random(2_000, 2, 3);
  const layout = new Layout(sketch, 700);
  const grown = { across: [...sketch.across], along: [...sketch.along], sources: [...sketch.sources], targets: [...sketch.targets] };
  for (let i = 0; i < 10; i++) {
    grown.across.push(154);
    grown.along.push(46);
    grown.sources.push(50 + i);
    grown.targets.push(2_000 + i);
  }
  const begun = performance.now();
  expect(layout.insert(grown)).toBe(true);
  expect(performance.now() - begun).toBeLessThan(500); // a few milliseconds where nothing else runs
  check(grown, layout);
});

/** `sketch` with nodes added, each below `most` random old ones at most, and some that begin anew or follow new ones. */
function grownBy(sketch: Sketch, many: number, most: number, seed: number): Sketch {
  const next = numbers(seed);
  const old = sketch.across.length;
  const [sources, targets] = [[...sketch.sources], [...sketch.targets]];
  for (let node = old; node < old + many; node++) {
    const begins = next() < 0.2;
    const wanted = new Set(Array.from({ length: begins ? 0 : 1 + Math.floor(next() * most) }, () => Math.floor(next() * (next() < 0.2 ? node : old))));
    for (const source of wanted) {
      sources.push(source);
      targets.push(node);
    }
  }
  const more = (sizes: readonly number[], size: number): number[] => [...sizes, ...Array.from({ length: many }, () => size)];
  return { across: more(sketch.across, 154), along: more(sketch.along, 46), sources, targets };
}

/** Share of old nodes that moved by more than 5 px, apart from what their part moved as a whole. */
function moved(layout: Layout, before: readonly { across: number; along: number }[], parts: readonly number[]): number {
  const shifts = before.map(({ across, along }, node) => [layout.place(node).across - across, layout.place(node).along - along] as const);
  const usual = new Map<number, readonly [number, number]>();
  for (const part of new Set(parts)) {
    const some = shifts.filter((_, node) => parts[node] === part);
    const median = (axis: 0 | 1): number => some.map((shift) => shift[axis]).sort((a, b) => a - b)[some.length >> 1]!;
    usual.set(part, [median(0), median(1)]);
  }
  const far = shifts.filter(([dx, dy], node) => Math.hypot(dx - usual.get(parts[node]!)![0], dy - usual.get(parts[node]!)![1]) > 5);
  return far.length / before.length;
}

/** Several graphs beside each other, and which one each node belongs to. */
function several(many: number, nodes: number): [Sketch, number[]] {
  const all = Array.from({ length: many }, (_, i) => random(nodes, 2, i + 1));
  const shifted = (ends: "sources" | "targets"): number[] => all.flatMap((one, i) => one[ends].map((node) => node + i * nodes));
  const sketch = { across: all.flatMap((one) => one.across), along: all.flatMap((one) => one.along), sources: shifted("sources"), targets: shifted("targets") };
  return [sketch, sketch.across.map((_, node) => Math.floor(node / nodes))];
}

describe("growth that joins what was apart", () => {
  test.each(Array.from({ length: 20 }, (_, i) => i))("keeps order and distance, number %i", (seed) => {
    const [sketch] = several(3, 12);
    let layout = new Layout(sketch, 900);
    let last = sketch;
    for (let step = 0; step < 4; step++) {
      last = grownBy(last, 4, 3, seed * 10 + step);
      if (!layout.insert(last)) layout = new Layout(last, 900);
      check(last, layout);
    }
  });

  test("two parts that get one common end stay where they are", () => {
    const [sketch, parts] = several(2, 20);
    const layout = new Layout(sketch, 2_000);
    const before = sketch.across.map((_, node) => layout.place(node));
    const grown = { across: [...sketch.across, 154], along: [...sketch.along, 46], sources: [...sketch.sources, 19, 39], targets: [...sketch.targets, 40, 40] };
    expect(layout.insert(grown)).toBe(true);
    check(grown, layout);
    expect(moved(layout, before, parts)).toBeLessThan(0.15);
  });

  test("a new beginning joins an old part through what waits for both", () => {
    const line = { across: [154, 154], along: [46, 46], sources: [0], targets: [1] };
    const layout = new Layout(line, 700);
    const before = [layout.place(0), layout.place(1)];
    const grown = { across: [154, 154, 154, 154], along: [46, 46, 46, 46], sources: [0, 1, 2], targets: [1, 3, 3] };
    expect(layout.insert(grown)).toBe(true);
    check(grown, layout);
    expect(moved(layout, before, [0, 0])).toBe(0);
    expect(layout.place(3).along).toBeGreaterThan(layout.place(2).along);
  });

  test("an edge that comes later to an old node bends past what lies between", () => {
    const line = { across: [154, 154, 154], along: [46, 46, 46], sources: [0, 1], targets: [1, 2] };
    const layout = new Layout(line, 700);
    const grown = { ...line, sources: [...line.sources, 0], targets: [...line.targets, 2] };
    expect(layout.insert(grown)).toBe(true);
    expect(layout.bends(0, 2)).toHaveLength(1);
    check(grown, layout);
  });

  test("an edge that leads back has everything laid out again", () => {
    const line = { across: [154, 154, 154], along: [46, 46, 46], sources: [0, 0], targets: [1, 2] };
    expect(new Layout(line, 700).insert({ ...line, sources: [...line.sources, 1], targets: [...line.targets, 2] })).toBe(false);
  });

  test("ten more tasks in a thousand move few of the others", () => {
    const [sketch, parts] = several(4, 250);
    const layout = new Layout(sketch, 1_200);
    const before = sketch.across.map((_, node) => layout.place(node));
    const grown = grownBy(sketch, 10, 2, 3);
    expect(layout.insert(grown)).toBe(true);
    check(grown, layout);
    expect(moved(layout, before, parts)).toBeLessThan(0.15);
  });
});
