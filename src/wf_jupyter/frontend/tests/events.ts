// Small runs for tests.
import { decodeEvents, type Incoming } from "../src/protocol/decode.ts";
import type { GroupSnapshot, Snapshot, TaskSnapshot, TaskStatus } from "../src/protocol/messages.gen.ts";

export function task(key: string, status: TaskStatus, more: Partial<TaskSnapshot> = {}): TaskSnapshot {
  return { key, name: key, status, ...more };
}

export function snapshotOf(tasks: readonly TaskSnapshot[], groups: readonly GroupSnapshot[] = [], more: Partial<Snapshot> = {}): Snapshot {
  const created = "2026-01-01T00:00:00Z";
  return { id: "x", workflow: "w", status: "running", epoch: "e", seq: 1, created, started: created, counts: {}, groups, tasks, ...more };
}

/** Events from `seq` 2 on, a second apart. */
export function events(...list: object[]): Incoming[] {
  return decodeEvents(list.map((event, i) => ({ seq: i + 2, time: new Date(Date.UTC(2026, 0, 1, 0, 0, i + 1)).toISOString(), ...event })));
}
