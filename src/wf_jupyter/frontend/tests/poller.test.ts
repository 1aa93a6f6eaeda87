import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Channel, type Subscriber } from "../src/protocol/channel.ts";
import type { Incoming } from "../src/protocol/decode.ts";
import { RequestError } from "../src/protocol/page.ts";
import type { ConnectionState } from "../src/protocol/source.ts";
import { snapshotOf } from "./events.ts";
import { last, Wire } from "./wire.ts";

class Follower implements Subscriber {
  seq = 0;
  epoch = "";
  states: ConnectionState[] = [];
  lists = 0;

  constructor(readonly executionId = "x") {}

  cursor(): { seq: number; epoch: string } {
    return { seq: this.seq, epoch: this.epoch };
  }
  snapshot(snapshot: { seq: number; epoch: string }): void {
    ({ seq: this.seq, epoch: this.epoch } = snapshot);
  }
  events(events: readonly Incoming[]): void {
    for (const event of events) if (event.seq === this.seq + 1) this.seq = event.seq;
  }
  state(state: ConnectionState): void {
    this.states.push(state);
  }
  changed(): void {
    this.lists++;
  }
}

/** A server without WebSockets: what it has happened, and what it was asked. */
class Server {
  epoch = "e";
  seq = 1;
  up = true;
  /** Seconds after which a proxy answers 504 in its place. */
  patience = Number.POSITIVE_INFINITY;
  asked: string[] = [];
  waiting = new Set<() => void>();

  verdict = (): Promise<{ kind: "well" | "away" }> => Promise.resolve({ kind: this.up ? "well" : "away" });

  get = async (path: string, signal?: AbortSignal): Promise<unknown> => {
    this.asked.push(path);
    if (!this.up) throw new RequestError(0, "gone");
    if (path === "hello") return {};
    if (path.startsWith("executions/none")) throw new RequestError(404, "there is no execution none");
    const query = new URLSearchParams(path.split("?")[1]);
    if (!path.includes("/events")) return snapshotOf([], [], { seq: this.seq, epoch: this.epoch });
    const after = Number(query.get("after"));
    if (after >= this.seq && query.has("wait")) {
      await new Promise<void>((resolve, reject) => {
        this.waiting.add(resolve);
        const wait = Number(query.get("wait"));
        setTimeout(resolve, wait * 1000);
        if (wait > this.patience) setTimeout(() => reject(new RequestError(504, "Gateway Time-out")), this.patience * 1000);
        signal?.addEventListener("abort", () => reject(new RequestError(0, "aborted")));
      });
    }
    const seqs = Array.from({ length: Math.max(0, this.seq - after) }, (_, i) => after + 1 + i);
    return { epoch: this.epoch, seq: this.seq, events: seqs.map((seq) => ({ seq, type: "workflow.paused", time: "2026-01-01T00:00:00Z" })) };
  };

  happen(): void {
    this.seq++;
    for (const go of this.waiting) go();
    this.waiting.clear();
  }
}

let leaves: (() => void)[] = [];
let server: Server;
const blocked = async (...followers: Follower[]): Promise<Channel> => {
  const shared = new Channel("ws://here/ws", server, () => undefined);
  for (const follower of followers) leaves.push(shared.join(follower));
  last().break();
  await vi.advanceTimersByTimeAsync(0);
  return shared;
};

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("WebSocket", Wire);
  Wire.all = [];
  server = new Server();
});
afterEach(async () => {
  for (const leave of leaves) leave();
  leaves = [];
  await vi.advanceTimersByTimeAsync(2_000);
  expect(vi.getTimerCount()).toBeLessThan(10);
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test("where WebSockets are blocked the server is asked, and events come as soon as they happen", async () => {
  const follower = new Follower();
  await blocked(follower);
  await vi.advanceTimersByTimeAsync(500);
  expect([follower.seq, follower.states.at(-1)]).toEqual([1, { kind: "delayed", by: "polling" }]);
  server.happen();
  await vi.advanceTimersByTimeAsync(0);
  expect(follower.seq).toBe(2);
});

test("a quiet execution costs few requests, and says once how it is connected", async () => {
  const follower = new Follower();
  await blocked(follower);
  await vi.advanceTimersByTimeAsync(120_000);
  expect(server.asked.length).toBeLessThan(15);
  expect(follower.states.filter(({ kind }) => kind === "delayed")).toHaveLength(1);
});

test("a WebSocket that comes through after all takes over", async () => {
  const follower = new Follower();
  await blocked(follower);
  const tried = Wire.all.length;
  while (Wire.all.length === tried) await vi.advanceTimersByTimeAsync(100);
  last().open();
  expect(last().sent[0]).toMatchObject({ method: "subscribe", params: { after: 1, epoch: "e" } });
  last().answer({ recovered: true });
  expect(follower.states.at(-1)).toEqual({ kind: "live" });
  const asked = server.asked.length;
  await vi.advanceTimersByTimeAsync(20_000);
  expect(server.asked.length).toBe(asked);
});

test("several executions take turns", async () => {
  const followers = ["a", "b", "c"].map((id) => new Follower(id));
  await blocked(...followers);
  await vi.advanceTimersByTimeAsync(2_500);
  server.happen();
  await vi.advanceTimersByTimeAsync(1_500);
  expect(followers.map(({ seq }) => seq)).toEqual([2, 2, 2]);
  expect(server.asked.filter((path) => path.includes("wait="))).toEqual([]);
});

test("another data directory gives a snapshot", async () => {
  const follower = new Follower();
  server.seq = 7;
  await blocked(follower);
  await vi.advanceTimersByTimeAsync(500);
  expect(follower.seq).toBe(7);
  server.epoch = "other";
  server.seq = 2;
  await vi.advanceTimersByTimeAsync(20_000);
  expect([follower.seq, follower.epoch]).toEqual([2, "other"]);
});

test("an execution that is not there is said so, and the others go on", async () => {
  const followers = [new Follower("none"), new Follower("b")];
  await blocked(...followers);
  await vi.advanceTimersByTimeAsync(3_000);
  expect(followers.map(({ states }) => states.at(-1)?.kind)).toEqual(["refused", "delayed"]);
});

test("a server that goes away is waited for", async () => {
  const follower = new Follower();
  await blocked(follower);
  await vi.advanceTimersByTimeAsync(500);
  server.up = false;
  server.happen();
  await vi.advanceTimersByTimeAsync(500);
  expect(follower.states.at(-1)?.kind).toBe("waiting");
  server.up = true;
  for (let i = 0; i < 4 && follower.states.at(-1)?.kind === "waiting"; i++) {
    last().break();
    await vi.advanceTimersByTimeAsync(15_000);
  }
  expect([follower.states.at(-1)?.kind, follower.seq]).toEqual(["delayed", 2]);
});

test("a list of all executions is to be read again", async () => {
  const all = new Follower("*");
  await blocked(all);
  await vi.advanceTimersByTimeAsync(3_500);
  expect(all.lists).toBeGreaterThanOrEqual(3);
  expect(all.states.at(-1)?.kind).toBe("delayed");
});

test.each([10, 5, 2])("a proxy that cuts what waits for %i s is asked for shorter waits, and is no lost server", async (patience) => {
  server.patience = patience;
  const follower = new Follower();
  await blocked(follower);
  await vi.advanceTimersByTimeAsync(120_000);
  const waits = server.asked.flatMap((path) => /wait=(\d+)/.exec(path)?.[1] ?? []).map(Number);
  expect(waits[0]).toBe(15);
  expect(waits.at(-1)).toBeLessThanOrEqual(patience);
  expect(waits.at(-1)).toBeGreaterThan(0);
  server.happen();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(follower.seq).toBe(server.seq);
  expect(follower.states.slice(follower.states.findIndex(({ kind }) => kind === "delayed")).map(({ kind }) => kind)).toEqual(["delayed"]);
});
