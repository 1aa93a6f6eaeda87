import { describe, expect, test } from "vitest";
import { loops } from "../src/fold/loops.ts";
import { picture } from "../src/fold/picture.ts";
import { Run } from "../src/fold/run.ts";
import { drawn } from "../src/layout/visible-graph.ts";
import type { GroupSnapshot, TaskSnapshot } from "../src/protocol/messages.gen.ts";
import { snapshotOf, task } from "./events.ts";

const call = (key: string, name: string, dependencies: readonly string[] = [], more: object = {}): TaskSnapshot =>
  task(key, "succeeded", { name, dependencies, ...more });
const many = <T>(n: number, make: (i: number) => T): T[] => Array.from({ length: n }, (_, i) => make(i));
const run = (tasks: readonly TaskSnapshot[], groups: readonly GroupSnapshot[] = []): Run => {
  const made = new Run();
  made.load(snapshotOf(tasks, groups));
  return made;
};
const nodes = (made: Run): string[] => drawn(made).nodes.map(({ key, group }) => (group < 0 ? key : `${made.groups[group]!.name} ${made.groups[group]!.loop} ${made.groups[group]!.members.length}`));

describe("a graph from loops", () => {
  test("folds twenty calls of one task at one level, and not nineteen", () => {
    expect(nodes(run([call("start", "start"), ...many(900, (i) => call(`f${i}`, "fetch", ["start"]))]))).toEqual(["start", "fetch calls 900"]);
    expect(nodes(run(many(19, (i) => call(`f${i}`, "fetch"))))).toHaveLength(19);
  });

  test("folds each level by itself, with one edge between two of them", () => {
    const made = run([...many(30, (i) => call(`a${i}`, "same")), ...many(30, (i) => call(`b${i}`, "same", [`a${i}`, `a${(i + 1) % 30}`]))]);
    const { nodes: found, sources, targets } = drawn(made);
    expect(found.map(({ key }) => key)).toEqual(["same …", "same … 2"]);
    expect([sources, targets]).toEqual([[0], [1]]);
  });

  test("folds what follows each other to a chain, but not where others join or leave", () => {
    const line = many(300, (i) => call(`s${i}`, `step${i % 3}`, i ? [`s${i - 1}`] : []));
    expect(nodes(run(line))).toEqual(["step0 chain 300"]);
    expect(nodes(run([...line, call("aside", "aside", ["s100"])]))).toEqual(["aside", "step0 chain 101", "step2 chain 199"]);
    expect(nodes(run(many(19, (i) => call(`s${i}`, "step", i ? [`s${i - 1}`] : []))))).toHaveLength(19);
  });

  test("counts inside groups as they are, and folds inside sub-workflows only", () => {
    const groups = [
      { key: "sub", name: "sub", kind: "workflow" },
      { key: "map", name: "map", kind: "map", size: 30 },
    ] as GroupSnapshot[];
    const made = run([...many(25, (i) => call(`sub/f${i}`, "fetch", [], { group: "sub" })), ...many(30, (i) => call(`map[${i}]`, "map", [], { group: "map" }))], groups);
    expect(nodes(made)).toEqual(["sub null 0", "map null 30"]);
    expect(made.groups[0]!.counts.reduce((sum, n) => sum + n)).toBe(25);
    expect(drawn(made, 0).nodes.map(({ key }) => key)).toEqual(["sub/fetch …"]);
  });

  test("changes nothing of what the run says of itself, and grows", () => {
    const made = run(many(20, (i) => call(`f${i}`, "fetch")));
    expect(picture(made).groups).toEqual([]);
    made.apply({ type: "tasks.added", seq: made.seq + 1, time: "2026-01-01T00:00:00Z", tasks: [{ key: "late", name: "fetch" }], groups: [{ key: "m", name: "m", kind: "map", size: 0 }] });
    expect(nodes(made)).toEqual(["m null 0", "fetch calls 21"]);
    made.apply({ type: "task.started", seq: made.seq + 1, time: "2026-01-01T00:00:00Z", task: "late", attempt: 1 });
    expect(made.groups[1]!.counts[2]! + made.groups[1]!.counts[1]!).toBe(1);
  });

  test("never loses a task, whatever depends on whatever", () => {
    const odd = [...many(25, (i) => call(`a${i}`, "a", [`a${(i + 1) % 25}`, "gone"])), call("self", "self", ["self"])];
    expect(nodes(run(odd)).length).toBeGreaterThan(0);
    expect(loops(run(odd)).flatMap(({ rows }) => rows).length).toBeLessThanOrEqual(26);
  });

  test("of ten thousand tasks is folded in an instant", () => {
    const wide = many(10_000, (i) => call(`t${i}`, `n${i % 7}`, i >= 500 ? [`t${i - 500}`, `t${i - 499}`] : []));
    const begun = performance.now();
    run(wide);
    expect(performance.now() - begun).toBeLessThan(1_000);
  });
});
