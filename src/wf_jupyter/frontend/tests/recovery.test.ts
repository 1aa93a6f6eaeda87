// Clients against a model of the server, with cuts, repeats, losses, snapshots, blocked sockets and
// restarts at random moments: they always end with what is in the log, and never saw it otherwise.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { WorkflowClient } from "../src/client/index.ts";
import { Run } from "../src/fold/run.ts";
import { picture } from "../src/fold/picture.ts";
import { decodeEvents } from "../src/protocol/decode.ts";
import type { Snapshot } from "../src/protocol/messages.gen.ts";

const ID = "x";

/** The same numbers for the same seed. */
function dice(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** The log of one execution, and every way to read it. */
class Server {
  epoch = "first";
  log: object[] = [];
  sockets = new Set<Socket>();
  isUp = true;
  hasSockets = true;

  constructor(readonly random: () => number) {
    this.wipe("first");
  }

  wipe(epoch: string): void {
    for (const socket of [...this.sockets]) socket.cut();
    this.epoch = epoch;
    this.log = [];
    this.add({ type: "workflow.started", workflow: "w", task_count: 3 }, { type: "tasks.added", tasks: ["a", "b", "c"].map((key) => ({ key, name: key })) });
  }

  add(...events: object[]): void {
    for (const event of events) this.log.push({ time: new Date(Date.UTC(2026, 0, 1, 0, 0, this.log.length)).toISOString(), ...event, seq: this.log.length + 1 });
  }

  happen(): void {
    const task = "abc"[Math.floor(this.random() * 3)]!;
    const kinds = [
      { type: "task.started", task, attempt: 1 },
      { type: "task.progress", task, done: this.log.length },
      { type: "task.log", task, attempt: 1, stream: "stdout", text: "!" },
      { type: "task.completed", task, attempt: 1, status: "succeeded", duration: 1 },
      { type: "an.event.of.the.future", what: 1 },
    ];
    this.add(kinds[Math.floor(this.random() * kinds.length)]!);
    for (const socket of this.sockets) socket.offer();
  }

  snapshot(seq = this.log.length): Snapshot {
    const run = new Run();
    run.id = ID;
    run.epoch = this.epoch;
    run.created = 0;
    for (const event of decodeEvents(this.log.slice(0, seq))) run.apply(event);
    return picture(run);
  }

  respond(url: URL): Response {
    const of = (body: unknown): Response => ({ ok: true, status: 200, headers: new Headers(), json: async () => body }) as Response;
    if (!this.isUp) throw new Error("gone");
    if (url.pathname.endsWith("/hello")) return of({ server_id: "s", epoch: this.epoch, ready: true });
    if (!url.pathname.endsWith("/events")) return of(this.snapshot());
    const after = Number(url.searchParams.get("after"));
    return of({ epoch: this.epoch, seq: this.log.length, events: this.log.slice(after) });
  }
}

let server: Server;
let clients: WorkflowClient[] = [];

/** One WebSocket of the model. */
class Socket {
  readyState = 0;
  at = -1;
  onopen: (() => void) | null = null;
  onmessage: ((message: { data: string }) => void) | null = null;
  onclose: (() => void) | null = null;

  constructor() {
    setTimeout(() => {
      if (!server.isUp || !server.hasSockets) return this.cut();
      if (this.readyState !== 0) return;
      this.readyState = 1;
      server.sockets.add(this);
      this.onopen?.();
      this.tell({ method: "hello", params: { server_id: "s", epoch: server.epoch, heartbeat: 10 } });
    }, 5);
  }

  send(text: string): void {
    const { id, method, params } = JSON.parse(text) as { id: number; method: string; params: { after?: number; epoch?: string } };
    if (method !== "subscribe") return this.tell({ id, result: {} });
    const isKnown = params.epoch === server.epoch && params.after! <= server.log.length;
    const recovered = isKnown && server.random() < 0.7;
    this.at = recovered ? params.after! : server.log.length;
    const head = { execution_id: ID, epoch: server.epoch, seq: server.log.length, recovered };
    this.tell({ id, result: recovered ? head : { ...head, snapshot: server.snapshot() } });
    this.offer();
  }

  offer(): void {
    if (this.at < 0) return;
    const fate = server.random();
    if (fate < 0.1) this.at = Math.max(0, this.at - 3); // told again
    else if (fate < 0.15) this.at = Math.min(server.log.length, this.at + 1); // lost by somebody in between
    if (fate > 0.95) {
      this.at = server.log.length;
      const snapshot = server.snapshot();
      return this.tell({ method: "snapshot", params: { execution_id: ID, epoch: server.epoch, seq: snapshot.seq, snapshot } });
    }
    const events = server.log.slice(this.at);
    this.at = server.log.length;
    this.tell({ method: "events", params: { execution_id: ID, events } });
  }

  tell(message: object): void {
    const delay = Math.floor(server.random() * 3);
    const data = JSON.stringify({ jsonrpc: "2.0", ...message });
    this.line = this.line.then(() => new Promise((go) => setTimeout(go, delay))).then(() => {
      if (this.readyState === 1) this.onmessage?.({ data });
    });
  }
  line: Promise<unknown> = Promise.resolve();

  cut(): void {
    server.sockets.delete(this);
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.onclose?.();
  }

  close(): void {
    server.sockets.delete(this);
    this.readyState = 3;
  }
}

beforeEach(() => vi.useFakeTimers());
afterEach(async () => {
  for (const client of clients) client.disconnect();
  await vi.advanceTimersByTimeAsync(3_000);
  vi.restoreAllMocks();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const SEEDS = Array.from({ length: 60 }, (_, seed) => seed);

test.each(SEEDS)("whatever happens, every client ends with the log (seed %i)", async (seed) => {
  const random = dice(seed);
  vi.spyOn(Math, "random").mockImplementation(random);
  server = new Server(random);
  vi.stubGlobal("WebSocket", Socket);
  vi.stubGlobal("fetch", async (url: string) => server.respond(new URL(url)));
  clients = [new WorkflowClient({ baseUrl: "http://here/" }), new WorkflowClient({ baseUrl: "http://here/" })];
  const wrong: string[] = [];
  for (const client of clients) {
    let at = 0;
    let epoch = "";
    client.on("snapshot", (snapshot) => {
      if (snapshot.epoch === epoch && snapshot.seq < at) wrong.push(`back to ${snapshot.seq} from ${at}`);
      ({ seq: at, epoch } = snapshot);
    });
    client.on("event", ({ seq }) => {
      const between = server.log.slice(at, seq - 1).some((event) => (event as { type: string }).type !== "an.event.of.the.future");
      if (seq <= at || between) wrong.push(`${seq} after ${at}`);
      at = seq;
    });
    void client.connect().catch(() => undefined);
    client.hold(ID);
  }
  for (let step = 0; step < 150; step++) {
    const fate = random();
    if (fate < 0.6) server.happen();
    else if (fate < 0.7) for (const socket of [...server.sockets]) socket.cut();
    else if (fate < 0.73) server.hasSockets = !server.hasSockets;
    else if (fate < 0.76) server.isUp = !server.isUp;
    else if (fate < 0.77) server.wipe(`wiped ${step}`);
    else if (fate < 0.8) window.dispatchEvent(new Event("online"));
    if (!server.isUp || !server.hasSockets) for (const socket of [...server.sockets]) socket.cut();
    await vi.advanceTimersByTimeAsync(random() < 0.1 ? 20_000 : 20);
  }
  server.isUp = true;
  server.random = () => 0.5; // the network is well again
  server.hasSockets = random() < 0.5;
  for (const socket of [...server.sockets]) socket.cut();
  await vi.advanceTimersByTimeAsync(60_000);
  server.happen();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(wrong).toEqual([]);
  for (const client of clients) {
    const { snapshot, connection } = client.getState(ID);
    expect({ ...snapshot, created: "" }).toEqual({ ...server.snapshot(), created: "" });
    expect(connection.kind).toBe(server.hasSockets ? "live" : "delayed");
  }
});
