import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { Clock } from "../src/fold/clock.ts";
import { picture } from "../src/fold/picture.ts";
import { Run } from "../src/fold/run.ts";
import { FAILED, PENDING, RUNNING, SUCCEEDED, summary } from "../src/fold/statuses.ts";
import { Tails } from "../src/fold/recent-output.ts";
import { formatTime, parseTime } from "../src/fold/times.ts";
import { decodeEvents, decodeSnapshot } from "../src/protocol/decode.ts";
import { events, snapshotOf, task } from "./events.ts";

const FOLDER = join(import.meta.dirname, "../../../../tests/golden/fold");

interface Vector {
  readonly before: unknown;
  readonly steps: readonly { readonly event: unknown; readonly snapshot: unknown }[];
}

/** Python writes some defaults and leaves others out: null, "", 0 and [] say the same as nothing. */
function lean(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(lean);
  if (typeof value !== "object" || value === null) return value;
  const kept = Object.entries(value)
    .map(([name, inner]) => [name, lean(inner)] as const)
    .filter(([, inner]) => inner !== null && inner !== "" && inner !== 0 && !(Array.isArray(inner) && inner.length === 0));
  return Object.fromEntries(kept);
}

/** Fold event by event, and compare with what Python had after each. */
function follow({ before, steps }: Vector): void {
  const run = new Run();
  run.load(decodeSnapshot(before)!);
  for (const { event, snapshot } of steps) {
    for (const each of decodeEvents([event])) run.apply(each);
    expect(lean(picture(run)), `after ${JSON.stringify(event)}`).toEqual(lean(snapshot));
    expect((run.counts as Uint32Array).reduce((sum, n) => sum + n, 0)).toBe(run.rows.size);
  }
}

describe("the vectors that Python is held to", () => {
  const files = readdirSync(FOLDER).filter((name) => name.endsWith(".json"));
  test.each(files)("%s gives the same picture after every event", (name) => {
    follow(JSON.parse(readFileSync(join(FOLDER, name), "utf8")) as Vector);
  });
});

// `tests/golden/test_random_histories.py` writes them, and runs this test with the path of its file.
const HISTORIES = process.env["WF_JUPYTER_HISTORIES"];

test.skipIf(HISTORIES === undefined)("random histories give the same picture after every event", () => {
  const histories = JSON.parse(readFileSync(HISTORIES!, "utf8")) as Vector[];
  expect(histories.length).toBeGreaterThan(0);
  histories.forEach(follow);
});

test("a picture loaded as a snapshot gives the same picture", () => {
  const run = new Run();
  run.load(snapshotOf([task("a", "succeeded", { started: "2026-01-01T00:00:00.000001Z", duration: 0 }), task("b", "pending")]));
  const again = new Run();
  again.load(decodeSnapshot(JSON.parse(JSON.stringify(picture(run))))!);
  expect(picture(again)).toEqual(picture(run));
});

test("an event of an unknown type is counted and only advances the sequence number", () => {
  const run = new Run();
  run.load(snapshotOf([task("a", "running")]));
  const before = picture(run);
  for (const event of decodeEvents([{ type: "task.teleported", seq: 2, time: "2026-01-01T00:00:00Z", task: "a" }])) run.apply(event);
  expect(run.unknown).toBe(1);
  expect(picture(run)).toEqual({ ...before, seq: 2 });
});

test("an event for an unknown task changes nothing but the sequence number", () => {
  const run = new Run();
  run.load(snapshotOf([task("a", "running")]));
  for (const event of events({ type: "task.started", task: "ghost", attempt: 1 })) run.apply(event);
  expect(run.rows.size).toBe(1);
  expect(run.seq).toBe(2);
});

test("groups count what is inside them at any depth", () => {
  const run = new Run();
  const groups = [
    { key: "sub", name: "sub", kind: "workflow" as const },
    { key: "sub/m", name: "m", kind: "map" as const, size: 2, group: "sub" },
  ];
  run.load(snapshotOf([task("sub/m[0]", "pending", { group: "sub/m" }), task("sub/m[1]", "failed", { group: "sub/m" })], groups));
  for (const event of events({ type: "task.started", task: "sub/m[0]", attempt: 1 })) run.apply(event);
  for (const group of run.groups) expect([group.counts[RUNNING], group.counts[FAILED], group.counts[PENDING]]).toEqual([1, 1, 0]);
});

test("a task that expands is drawn inside the group with its key, in the place where it was declared", () => {
  const run = new Run();
  run.load(snapshotOf([task("outer/train", "running", { group: "outer" })], [{ key: "outer", name: "outer", kind: "workflow" }]));
  const grown = { type: "tasks.added", groups: [{ key: "outer/train", name: "train", kind: "workflow" }], tasks: [{ key: "outer/train/fit", name: "fit", group: "outer/train" }] };
  for (const event of events(grown)) run.apply(event);
  const inner = run.groups[run.groupRows.get("outer/train")!]!;
  expect(inner.members.map((row) => run.tasks.keys[row])).toEqual(["outer/train", "outer/train/fit"]);
  expect(inner.parent).toBe(run.groupRows.get("outer"));
});

test("groups that enclose each other do not hang the view", () => {
  const run = new Run();
  const groups = [
    { key: "a", name: "a", kind: "workflow" as const, group: "b" },
    { key: "b", name: "b", kind: "workflow" as const, group: "a" },
  ];
  run.load(snapshotOf([task("a/x", "pending", { group: "a" })], groups));
  expect(run.groups.some((group) => group.parent === -1)).toBe(true);
});

test("a group runs as soon as one of its tasks has begun, and is judged when all are final", () => {
  const counts = (fields: Record<number, number>): number[] => Array.from({ length: 8 }, (_, i) => fields[i] ?? 0);
  expect(summary(counts({ [PENDING]: 2 }))).toBe(PENDING);
  expect(summary(counts({ [PENDING]: 1, [SUCCEEDED]: 1 }))).toBe(RUNNING);
  expect(summary(counts({ [FAILED]: 1, [SUCCEEDED]: 9 }))).toBe(FAILED);
  expect(summary(counts({ [SUCCEEDED]: 9 }))).toBe(SUCCEEDED);
});

test("times keep their microseconds", () => {
  for (const text of ["2026-11-22T20:24:40.123456Z", "2026-11-22T20:24:40.000001Z", "2026-11-22T20:24:40Z"]) {
    expect(formatTime(parseTime(text))).toBe(text);
  }
  expect(formatTime(parseTime("2026-11-22T22:24:40+02:00"))).toBe("2026-11-22T20:24:40Z");
  expect(parseTime("yesterday")).toBeNaN();
});

test("malformed tasks and events are left out, the rest is shown", () => {
  const snapshot = decodeSnapshot({ id: "x", workflow: "w", status: "running", seq: 3, tasks: [{ key: 1 }, null, task("a", "running")] });
  expect(snapshot?.tasks.map(({ key }) => key)).toEqual(["a"]);
  expect(decodeSnapshot({ id: "x" })).toBeNull();
  expect(decodeEvents([null, 3, { seq: "4" }, { seq: 4, type: "task.started", time: "2026-01-01T00:00:00Z" }])).toEqual([{ type: "unknown", seq: 4 }]);
});

describe("the clock", () => {
  test("follows an answer of the server when the page's own clock is wrong", () => {
    const clock = new Clock(() => 1_000_000);
    clock.answered(3_600_000);
    expect(clock.now()).toBe(4_600_000);
  });
  test("follows events that just happened where there is no answer", () => {
    const clock = new Clock(() => 10_000_000);
    clock.happened(10_000_000 - 3_600_000 - 40, true);
    clock.happened(10_000_000 - 3_600_000 - 900, true);
    expect(clock.now()).toBe(10_000_000 - 3_600_040);
  });
  test("is not turned back by events from the past", () => {
    const clock = new Clock(() => 10_000_000);
    clock.happened(1_000_000, false);
    expect(clock.now()).toBe(10_000_000);
  });
  test("stands still while stopped", () => {
    let local = 1000;
    const clock = new Clock(() => local);
    clock.stop();
    local = 9000;
    expect(clock.now()).toBe(1000);
    clock.start();
    expect(clock.now()).toBe(9000);
  });
});

test("what tasks print is kept within bounds", () => {
  const tails = new Tails();
  for (let i = 0; i < 20_000; i++) tails.add({ type: "task.log", seq: i, time: "", task: `t${i % 40}`, attempt: 1, stream: "stdout", text: "x" });
  let kept = 0;
  for (let i = 0; i < 40; i++) kept += tails.of(`t${i}`).length;
  expect(kept).toBeLessThanOrEqual(5_000);
  expect(tails.of("t39").at(-1)?.seq).toBe(19_999);
});
