// An execution that does not move says so, with the reason, until the next event.
import { expect, test } from "vitest";
import type { Snapshot } from "../src/protocol/messages.gen.ts";
import { decodeSnapshot } from "../src/protocol/decode.ts";
import { Run } from "../src/fold/run.ts";
import { Header } from "../src/ui/header.ts";

const BEGIN = "2026-01-01T12:00:00Z";
const snapshot = (kind: string): unknown => ({
  id: "01x", workflow: "w", status: "running", epoch: "e", seq: 2, created: BEGIN, counts: {}, tasks: [],
  parked: { kind, reason: "the disk is full, data.sqlite3 cannot grow", since: BEGIN },
});

function header(run: Run): HTMLElement {
  const made = new Header({ tab: () => undefined, command: async () => undefined, filter: () => undefined, reconnect: () => undefined });
  made.show(run);
  return made.element;
}

test.each([
  ["waiting", "Parked", ["Cancel"]],
  ["stopped", "Parked", ["Resume", "Cancel"]],
  ["unreadable", "Unreadable", []],
])("an execution that is %s is shown as such, never as running", (kind, word, commands) => {
  const run = new Run();
  run.load(decodeSnapshot(snapshot(kind)) as Snapshot);
  const shown = header(run);
  expect(shown.querySelector(".wfj-pill")?.textContent).toBe(word);
  expect(shown.querySelector(".wfj-reason")?.textContent).toContain("the disk is full");
  expect([...shown.querySelectorAll(".wfj-command")].map((made) => made.textContent)).toEqual(commands);
});

test("the next event says that it has passed", () => {
  const run = new Run();
  run.load(decodeSnapshot(snapshot("waiting")) as Snapshot);
  run.apply({ type: "workflow.recovered", seq: 3, time: BEGIN, tasks: [] });
  expect(run.parked).toBeNull();
  expect(header(run).querySelector<HTMLElement>(".wfj-reason")?.hidden).toBe(true);
});
