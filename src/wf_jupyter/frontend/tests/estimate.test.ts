import { describe, expect, test } from "vitest";
import { Attempts } from "../src/fold/attempts.ts";
import { decodeHistory } from "../src/fold/history.ts";
import { Run } from "../src/fold/run.ts";
import { parseTime } from "../src/fold/times.ts";
import { drawn } from "../src/layout/visible-graph.ts";
import { leftWords, plan } from "../src/ui/estimate.ts";
import { groupLane } from "../src/ui/timeline-bars.ts";
import { Scale } from "../src/ui/timeline-scale.ts";
import { snapshotOf, task } from "./events.ts";

const at = (seconds: number): string => new Date(Date.UTC(2026, 0, 1, 0, 0, seconds)).toISOString();
const NOW = parseTime(at(60));

function history(tasks: Record<string, number>, groups: Record<string, number> = {}, sizes: Record<string, number> = {}): ReturnType<typeof decodeHistory> {
  return decodeHistory({ executions: 8, tasks: usual(tasks), groups: usual(groups), sizes: usual(sizes) });
}

function usual(values: Record<string, number>): object {
  const told = Object.entries(values).map(([name, p50]) => [name, { count: 8, p10: p50 * 0.5, p50, p90: p50 * 2, p95: p50 * 3 }]);
  return Object.fromEntries(told);
}

function run(...args: Parameters<typeof snapshotOf>): Run {
  const made = new Run();
  made.load(snapshotOf(...args));
  return made;
}

const CHAIN = [
  task("a", "succeeded", { attempts: 1, started: at(0), ended: at(40), duration: 40 }),
  task("b", "running", { attempts: 1, started: at(40), dependencies: ["a"] }),
  task("c", "pending", { dependencies: ["b"] }),
  task("d", "skipped", { dependencies: ["a"] }),
];

describe("an estimate", () => {
  test("adds up what is usual along the dependencies, with its spread", () => {
    const known = history({ b: 30, c: 12 });
    const found = plan(run(CHAIN), drawn(run(CHAIN)), new Attempts(), known, NOW);
    expect(found.left!.map((ms) => ms / 1000)).toEqual([6, 22, 64]);
    expect(leftWords(found, known)).toEqual(["about 0:22 left", "between 0:06 and 1:04, from 8 earlier executions"]);
  });

  test("without history there is no number", () => {
    for (const known of [history({}), history({ b: 30 })]) {
      const found = plan(run(CHAIN), drawn(run(CHAIN)), new Attempts(), known, NOW);
      expect(found.left).toBeNull();
      expect(leftWords(found, known)).toEqual(["", ""]);
    }
  });

  test("a task's own progress outweighs history", () => {
    const moving = run([task("b", "running", { attempts: 1, started: at(40), progress: { done: 50, total: 100 } })]);
    expect(plan(moving, drawn(moving), new Attempts(), history({ b: 500 }), NOW).left).toEqual([20_000, 20_000, 20_000]);
  });

  test("a map goes on at its rate, with a spread that shrinks", () => {
    const items = Array.from({ length: 100 }, (_, i) =>
      i < 25 ? task(`m[${i}]`, "succeeded", { group: "m", attempts: 1, started: at(10), ended: at(50), duration: 2 }) : task(`m[${i}]`, "pending", { group: "m" }));
    const mapped = run(items, [{ key: "m", name: "m", kind: "map", size: 100 }]);
    const [fast, usual, slow] = plan(mapped, drawn(mapped), new Attempts(), history({}), NOW).left!;
    expect(usual).toBe(150_000);
    expect([fast, slow]).toEqual([120_000, 180_000]);
  });

  test("a map without items yet takes what it usually takes, and one of another size in proportion", () => {
    const waiting = (size: number | null): Run => run([CHAIN[0]!, CHAIN[1]!], [{ key: "m", name: "m", kind: "map", size, dependencies: ["b"] }]);
    const left = (size: number | null, known: ReturnType<typeof history>): readonly number[] | undefined =>
      plan(waiting(size), drawn(waiting(size)), new Attempts(), known, NOW).left?.map((ms) => ms / 1000);
    expect(left(null, history({ b: 30 }, { m: 100 }, { m: 10 }))).toEqual([50, 110, 240]);
    expect(left(null, history({ b: 30 }))).toBeUndefined();
  });

  test("a group that has not begun is drawn dashed where it is expected, and not at all where nothing is known", () => {
    const waiting = run([task("s/x", "pending", { group: "s" })], [{ key: "s", name: "s", kind: "workflow" }]);
    const lane = (end: number): HTMLElement => {
      const element = document.createElement("div");
      const view = { session: { run: waiting }, now: 0, scale: new Scale(0, 100_000), expected: { begin: 20_000, end, needs: [] }, width: 500, critical: true };
      groupLane(element, 0, view as never);
      return element;
    };
    expect([...lane(60_000).children].map(({ className }) => className.trim())).toEqual(["wfj-span wfj-expected wfj-s-pending", "wfj-critical  wfj-ahead"]);
    expect(lane(Number.NaN).children).toHaveLength(0);
  });

  test("a sub-workflow takes what it usually takes as a whole, from its own beginning", () => {
    const inside = (status: "pending" | "running", more: object): Run =>
      run([task("s/x", status, { group: "s", ...more }), task("s/y", "pending", { group: "s", dependencies: ["s/x"] })], [{ key: "s", name: "s", kind: "workflow" }]);
    const left = (shown: Run, known: ReturnType<typeof history>): readonly number[] | undefined =>
      plan(shown, drawn(shown), new Attempts(), known, NOW).left?.map((ms) => ms / 1000);
    const waiting = inside("pending", {});
    expect(left(waiting, history({}, { s: 100 }))).toEqual([50, 100, 200]);
    expect(left(inside("running", { attempts: 1, started: at(20) }), history({}, { s: 100 }))).toEqual([10, 60, 160]);
    expect(left(waiting, history({ x: 3, y: 3 }))).toBeUndefined();
  });

  test("nothing is expected of a run that has ended", () => {
    const ended = run(CHAIN, [], { status: "failed", ended: at(50) });
    expect(plan(ended, drawn(ended), new Attempts(), history({ b: 30, c: 12 }), NOW).left).toBeNull();
  });
});

describe("what is unusual", () => {
  const slow = run([task("b", "running", { attempts: 1, started: at(0) })]);

  test("is far beyond what was seen before, in enough cases", () => {
    expect(history({ b: 10 }).isUnusual(slow, 0, NOW)).toBe(true);
    expect(history({ b: 20 }).isUnusual(slow, 0, NOW)).toBe(false);
    expect(history({}).isUnusual(slow, 0, NOW)).toBe(false);
    const few = decodeHistory({ executions: 1, tasks: { b: { count: 4, p10: 1, p50: 1, p90: 1, p95: 1 } } });
    expect(few.isUnusual(slow, 0, NOW)).toBe(false);
  });

  test("malformed history is no history", () => {
    for (const told of [null, 7, { tasks: 3 }, { tasks: { b: { count: "x" } } }, { tasks: { b: null } }]) {
      expect(decodeHistory(told).of("b")).toBeNull();
    }
  });
});

describe("the scale of the timeline", () => {
  test("is monotone and leaves idle time narrow", () => {
    const scale = new Scale(0, 100_000, [[10_000, 90_000]]);
    const places = Array.from({ length: 101 }, (_, i) => scale.at(i * 1000));
    expect(places[0]).toBe(0);
    expect(places[100]).toBe(100);
    places.slice(1).forEach((place, i) => expect(place).toBeGreaterThanOrEqual(places[i]!));
    expect(scale.at(90_000) - scale.at(10_000)).toBeCloseTo(3);
    expect(scale.ticks().every(({ at: place }) => place <= scale.at(10_000) || place >= scale.at(90_000))).toBe(true);
  });

  test("has ticks that can be read, however long the run", () => {
    for (const seconds of [0.2, 3, 84, 4_000, 90_000, 2_000_000]) {
      const ticks = new Scale(0, seconds * 1000).ticks();
      expect(ticks.length, String(seconds)).toBeGreaterThan(1);
      expect(ticks.length, String(seconds)).toBeLessThan(9);
    }
  });
});
