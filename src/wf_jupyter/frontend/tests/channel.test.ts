import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Fallback, Verdict } from "../src/protocol/asked.ts";
import { Channel, channel, type Subscriber } from "../src/protocol/channel.ts";
import type { Incoming } from "../src/protocol/decode.ts";
import { backoff, type ConnectionState } from "../src/protocol/source.ts";
import { snapshotOf, task } from "./events.ts";
import { last, Wire } from "./wire.ts";

class Follower implements Subscriber {
  seq = 0;
  epoch = "";
  states: ConnectionState[] = [];
  seen: number[] = [];
  fresh: boolean[] = [];

  constructor(readonly executionId = "x") {}

  cursor(): { seq: number; epoch: string } {
    return { seq: this.seq, epoch: this.epoch };
  }

  snapshot(snapshot: { seq: number; epoch: string }): void {
    ({ seq: this.seq, epoch: this.epoch } = snapshot);
  }

  events(events: readonly Incoming[], fresh: boolean): void {
    this.seen.push(...events.map(({ seq }) => seq));
    this.fresh.push(fresh);
    this.seq = events.at(-1)?.seq ?? this.seq;
  }

  state(state: ConnectionState): void {
    this.states.push(state);
  }
}

const events = (...seqs: number[]): object => ({
  method: "events",
  params: { execution_id: "x", events: seqs.map((seq) => ({ seq, type: "workflow.paused", time: "2026-01-01T00:00:00Z" })) },
});

const away: Fallback = { verdict: () => Promise.resolve({ kind: "away" }), get: () => Promise.reject(new Error("away")) };

let ended = 0;
let leaves: (() => void)[] = [];
const start = (): { shared: Channel; follower: Follower; leave: () => void } => {
  const shared = new Channel("ws://here/ws", away, () => ended++);
  const follower = new Follower();
  const leave = shared.join(follower);
  leaves.push(leave);
  return { shared, follower, leave };
};

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("WebSocket", Wire);
  Wire.all = [];
  ended = 0;
});
afterEach(() => {
  for (const leave of leaves) leave();
  leaves = [];
  vi.advanceTimersByTime(2_000);
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test("a new subscriber gets a snapshot, then the events that follow", () => {
  const { follower } = start();
  last().open();
  expect(last().sent[0]).toMatchObject({ method: "subscribe", params: { execution_id: "x" } });
  last().answer({ execution_id: "x", epoch: "e", seq: 1, recovered: false, snapshot: snapshotOf([task("a", "pending")]) });
  last().tell(events(2, 3));
  expect(follower.seen).toEqual([2, 3]);
  expect(follower.states.at(-1)).toEqual({ kind: "live" });
});

test("after a cut it comes back where it was", () => {
  const { follower } = start();
  last().open();
  last().answer({ snapshot: snapshotOf([]) });
  last().tell(events(2));
  last().break();
  expect(follower.states.at(-1)?.kind).toBe("waiting");
  vi.advanceTimersByTime(500);
  expect(Wire.all).toHaveLength(2);
  last().open();
  expect(last().sent[0]!.params).toEqual({ execution_id: "x", after: 2, epoch: "e" });
  last().tell(events(99));
  expect(follower.seen).toEqual([2]);
  last().answer({ recovered: true });
  last().tell(events(3));
  expect(follower.seen).toEqual([2, 3]);
});

test("it tries for ever, and at once when the page is shown or online again", () => {
  start();
  for (let i = 0; i < 50; i++) {
    last().break();
    vi.advanceTimersByTime(15_000);
  }
  const tried = Wire.all.length;
  expect(tried).toBeGreaterThan(50);
  last().break();
  window.dispatchEvent(new Event("online"));
  expect(Wire.all).toHaveLength(tried + 1);
  last().break();
  document.dispatchEvent(new Event("visibilitychange"));
  expect(Wire.all).toHaveLength(tried + 2);
});

test("a server that falls silent for 25 seconds is left and asked again", () => {
  const { follower } = start();
  last().open();
  last().answer({ snapshot: snapshotOf([]) });
  vi.advanceTimersByTime(20_000);
  last().tell({ method: "heartbeat", params: {} });
  vi.advanceTimersByTime(20_000);
  expect(follower.states.at(-1)?.kind).toBe("live");
  vi.advanceTimersByTime(10_000);
  expect(follower.states.some(({ kind }) => kind === "waiting")).toBe(true);
  vi.advanceTimersByTime(15_000);
  expect(Wire.all.length).toBeGreaterThan(1);
});

test("the last one to leave closes the socket after two seconds, and a new one keeps it", () => {
  const { shared, leave } = start();
  last().open();
  leave();
  expect(last().sent.at(-1)!.method).toBe("unsubscribe");
  vi.advanceTimersByTime(1_000);
  const again = shared.join(new Follower());
  vi.advanceTimersByTime(5_000);
  expect([ended, last().readyState]).toEqual([0, 1]);
  again();
  vi.advanceTimersByTime(2_000);
  expect([ended, last().readyState]).toEqual([1, 3]);
  expect(vi.getTimerCount()).toBe(0);
});

test("an execution that the server does not know is said to be so, and others go on", () => {
  const { shared, follower } = start();
  const other = new Follower("y");
  leaves.push(shared.join(other));
  last().open();
  const [first, second] = last().sent;
  last().tell({ id: first!.id, error: { code: -32001, message: "there is no execution x" } });
  last().tell({ id: second!.id, result: { snapshot: { ...snapshotOf([]), id: "y" } } });
  expect(follower.states.at(-1)).toEqual({ kind: "refused", reason: "there is no execution x", code: -32001 });
  expect(other.states.at(-1)).toEqual({ kind: "live" });
});

test("a refused connection is explained by the REST interface", async () => {
  const verdict = { kind: "refused", reason: "log in to the Jupyter server again" } as const;
  const shared = new Channel("ws://here/ws", { ...away, verdict: () => Promise.resolve(verdict) }, () => undefined);
  const follower = new Follower();
  leaves.push(shared.join(follower));
  last().break();
  await vi.advanceTimersByTimeAsync(0);
  expect(follower.states.at(-1)).toEqual({ kind: "refused", reason: "log in to the Jupyter server again" });
});

test("an answer about the server that takes longer than the next tries counts all the same", async () => {
  const answers: ((verdict: Verdict) => void)[] = [];
  const verdict = (): Promise<Verdict> => new Promise((resolve) => answers.push(resolve));
  const shared = new Channel("ws://here/ws", { ...away, verdict }, () => undefined);
  const follower = new Follower();
  leaves.push(shared.join(follower));
  for (let tries = 0; tries < 3; tries++) {
    const before = Wire.all.length;
    last().break();
    while (Wire.all.length === before) await vi.advanceTimersByTimeAsync(100);
  }
  expect(answers.length).toBe(1);
  answers[0]!({ kind: "refused", reason: "log in to the Jupyter server again" });
  await vi.advanceTimersByTimeAsync(0);
  expect(follower.states.at(-1)).toEqual({ kind: "refused", reason: "log in to the Jupyter server again" });
  last().break();
  expect(answers.length).toBe(2);
});

test("a refusal stands while the server is tried again, and gives way to another one or to a server that is away", async () => {
  const stopped = { kind: "refused", reason: "stopped" } as const;
  const expired = { kind: "refused", reason: "expired" } as const;
  let verdict: Verdict = stopped;
  const shared = new Channel("ws://here/ws", { ...away, verdict: () => Promise.resolve(verdict) }, () => undefined);
  const follower = new Follower();
  leaves.push(shared.join(follower));
  const tried = async (): Promise<void> => {
    last().break();
    await vi.advanceTimersByTimeAsync(0);
  };
  const again = async (): Promise<void> => {
    const before = Wire.all.length;
    while (Wire.all.length === before) await vi.advanceTimersByTimeAsync(100);
  };
  await tried();
  follower.states.length = 0;
  await again();
  await tried();
  expect(new Set(follower.states)).toEqual(new Set([stopped]));
  for (verdict of [expired, { kind: "away" }] as const) {
    await again();
    await tried();
    expect(follower.states.at(-1)?.kind).toBe(verdict.kind === "away" ? "waiting" : "refused");
  }
  expect(follower.states).toContain(expired);
});

test("an open socket that says nothing, as behind a proxy that swallows, is left after ten seconds", () => {
  const { follower } = start();
  last().open();
  vi.advanceTimersByTime(13_000);
  expect(follower.states.at(-1)?.kind).toBe("waiting");
});

test("a socket that broke in silence is stale since it was last heard", () => {
  const { follower } = start();
  last().open();
  last().answer({ snapshot: snapshotOf([]) });
  const heard = Date.now();
  vi.advanceTimersByTime(30_000);
  expect(follower.states.find(({ kind }) => kind === "waiting")).toMatchObject({ since: heard });
});

test("a dead socket is noticed though the clock was put back by an hour", () => {
  const { follower } = start();
  last().open();
  last().answer({ snapshot: snapshotOf([]) });
  vi.setSystemTime(Date.now() - 3_600_000);
  vi.advanceTimersByTime(30_000);
  expect(follower.states.at(-1)?.kind).toBe("waiting");
});

test("a second view of an execution does not cost the first one events", () => {
  const { shared, follower } = start();
  last().open();
  last().answer({ snapshot: snapshotOf([]) });
  last().tell(events(2));
  const second = new Follower();
  leaves.push(shared.join(second));
  // the server put 3 to 5 into the old subscription, which ended before they were sent
  last().answer({ recovered: false, seq: 5, snapshot: snapshotOf([], [], { seq: 5 }) });
  expect([follower.seq, second.seq]).toEqual([5, 5]);
  const third = new Follower();
  Object.assign(third, { seq: 8, epoch: "e" });
  leaves.push(shared.join(third));
  last().answer({ recovered: true, seq: 8 });
  expect(last().sent.at(-1)).toMatchObject({ method: "subscribe", params: { after: 5 } });
});

test("events of all executions go to those who asked for all", () => {
  const { shared, follower } = start();
  const all = new Follower("*");
  leaves.push(shared.join(all));
  last().open();
  last().tell({ id: last().sent[0]!.id, result: { snapshot: snapshotOf([]) } });
  last().tell({ id: last().sent[1]!.id, result: { recovered: true, seq: 0 } });
  const frame = { execution_id: "x", events: [{ seq: 9, type: "workflow.paused", time: "2026-01-01T00:00:00Z" }] };
  last().tell({ method: "events", params: { ...frame, subscription: "*" } });
  expect([follower.seen, all.seen]).toEqual([[], [9]]);
  last().tell(events(2));
  expect([follower.seen, all.seen]).toEqual([[2], [9]]);
});

test("what is no message is ignored", () => {
  const { follower } = start();
  last().open();
  for (const data of ["", "{", "[]", "null", '{"method":3}', '{"method":"events","params":7}', '{"id":77,"result":{}}']) {
    last().onmessage?.({ data });
  }
  last().answer({ snapshot: snapshotOf([]) });
  expect(follower.seq).toBe(1);
});

test("events right after subscribing may be old and tell nothing about the clock", () => {
  const { follower } = start();
  last().open();
  last().answer({ snapshot: snapshotOf([]) });
  last().tell(events(2));
  vi.advanceTimersByTime(2_000);
  last().tell(events(3));
  expect(follower.fresh).toEqual([false, true]);
});

test("all widgets of a page share one socket, although each loads its own code", () => {
  const first = channel("ws://shared/ws", away);
  const both = [first.join(new Follower()), channel("ws://shared/ws", away).join(new Follower("y"))];
  expect(Wire.all).toHaveLength(1);
  both.forEach((leave) => leave());
  vi.advanceTimersByTime(2_000);
  expect(channel("ws://shared/ws", away)).not.toBe(first);
});

describe("the wait before the next try", () => {
  test("grows to 15 seconds and is spread from zero", () => {
    const bounds = [0, 1, 2, 3, 4, 5, 6, 100].map((attempt) => backoff(attempt, () => 1));
    expect(bounds).toEqual([500, 1000, 2000, 4000, 8000, 15000, 15000, 15000]);
    expect(backoff(9, () => 0)).toBe(0);
  });
});
