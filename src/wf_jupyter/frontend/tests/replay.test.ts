import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { decodeEvents } from "../src/protocol/decode.ts";
import type { Snapshot } from "../src/protocol/messages.gen.ts";
import { picture } from "../src/fold/picture.ts";
import { Recording } from "../src/fold/replay.ts";
import { Run } from "../src/fold/run.ts";
import { parseTime } from "../src/fold/times.ts";
import { events } from "./events.ts";

const ORIGIN: Snapshot = { id: "x", workflow: "w", status: "pending", epoch: "e", seq: 0, created: "2026-01-01T00:00:00Z", counts: {} };
const VECTORS = join(import.meta.dirname, "../../../../tests/golden/fold");

/** A run of `count` tasks, one after the other, a second for each event. */
function long(count: number): Recording {
  const keys = Array.from({ length: count }, (_, i) => `t${i}`);
  const told = keys.flatMap((task) => [
    { type: "task.started", task, attempt: 1 },
    { type: "task.log", task, attempt: 1, stream: "stdout", text: "x\n" },
    { type: "task.completed", task, attempt: 1, status: "succeeded", duration: 1 },
  ]);
  const recording = new Recording({ ...ORIGIN, seq: 1 });
  recording.append(events({ type: "tasks.added", tasks: keys.map((key) => ({ key, name: key })) }, ...told));
  return recording;
}

function folded(recording: Recording, time: number): Snapshot {
  const run = new Run();
  recording.forget();
  recording.seek(run, Number.NEGATIVE_INFINITY);
  recording.seek(run, time);
  return picture(run);
}

describe("a recording", () => {
  test("shows the same at a moment, whichever way one came", () => {
    const recording = long(1500);
    const [from, to] = recording.span;
    const run = new Run();
    recording.finish(run);
    expect(run.counts[0]).toBe(1500);
    for (const share of [0.9, 0.1, 0.5, 0.51, 0.02, 1, 0]) {
      const time = from + (to - from) * share;
      recording.seek(run, time);
      const seen = JSON.stringify(picture(run));
      expect(JSON.stringify(folded(recording, time)), String(share)).toBe(seen);
      recording.forget();
    }
  });

  test("tells what was printed while going on, and that it went back", () => {
    const recording = long(10);
    const run = new Run();
    const [from] = recording.span;
    recording.seek(run, from);
    const { rewound, said } = recording.seek(run, from + 5_500);
    expect(rewound).toBe(false);
    expect(said.map((event) => event.task)).toEqual(["t0", "t1"]);
    expect(recording.seek(run, from + 1_000)).toEqual({ rewound: true, said: [] });
    expect(recording.said("t5", "task.log", 1_000)).toHaveLength(1);
    expect(recording.said("t5", "task.log", 3)).toHaveLength(0);
  });

  test("takes each event once, counts those it does not know, and notices a hole", () => {
    const recording = new Recording(ORIGIN);
    const known = decodeEvents([
      { seq: 1, time: "2026-01-01T00:00:01Z", type: "workflow.started", workflow: "w" },
      { seq: 2, type: "task.teleported" },
      { seq: 3, time: "2026-01-01T00:00:00Z", type: "workflow.paused" },
    ]);
    recording.append(known);
    recording.append(known);
    expect(recording.lastSeq).toBe(3);
    expect(recording.isBroken).toBe(false);
    // a clock that was set back does not turn the order around
    expect(recording.span).toEqual([parseTime("2026-01-01T00:00:01Z"), parseTime("2026-01-01T00:00:01Z")]);
    const run = new Run();
    recording.finish(run);
    expect(run.unknown).toBe(1);
    expect(run.status).toBe("paused");
    recording.append(decodeEvents([{ seq: 7, time: "2026-01-01T00:00:09Z", type: "workflow.resumed" }]));
    expect(recording.isBroken).toBe(true);
  });

  test("seeks fast in a long run", () => {
    const recording = long(10_000);
    const run = new Run();
    recording.finish(run);
    const [from, to] = recording.span;
    const begun = performance.now();
    for (let i = 0; i < 10; i++) recording.seek(run, from + ((to - from) * ((i * 7) % 10)) / 10);
    expect((performance.now() - begun) / 10).toBeLessThan(400);
  });

  test.each(readdirSync(VECTORS).filter((name) => name.endsWith(".json")))("ends where the fold ends: %s", (name) => {
    const { steps } = JSON.parse(readFileSync(join(VECTORS, name), "utf8")) as { steps: { event: unknown }[] };
    const all = decodeEvents(steps.map(({ event }) => event));
    const straight = new Run();
    straight.load(ORIGIN);
    for (const event of all) straight.apply(event);
    const recording = new Recording(ORIGIN);
    recording.append(all);
    const run = new Run();
    recording.finish(run);
    recording.seek(run, recording.span[0]);
    recording.finish(run);
    expect(picture(run)).toEqual(picture(straight));
  });
});
