import { act, createElement } from "react";
import * as React from "react";
import { createRoot } from "react-dom/client";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createUseExecution, RpcError, WorkflowClient, type ReactHooks } from "../src/client/index.ts";
import { snapshotOf, task } from "./events.ts";
import { last, Wire } from "./wire.ts";

const time = "2026-01-01T00:00:00Z";
const hello = { server_id: "s", epoch: "e", ready: true, protocol: 1, heartbeat: 10, version: "1" };
const answer = (body: unknown, status = 200): Response =>
  ({ ok: status < 400, status, headers: new Headers(), json: async () => body, text: async () => JSON.stringify(body) }) as Response;
const happen = (executionId: string, ...events: object[]): void =>
  last().tell({ method: "events", params: { execution_id: executionId, events: events.map((event) => ({ time, ...event })) } });

let client: WorkflowClient;
let posted: [string, unknown][] = [];
let respond: (path: string, init: RequestInit) => Response;

const connected = async (): Promise<void> => {
  const done = client.connect();
  await vi.advanceTimersByTimeAsync(0);
  last().open();
  last().tell({ method: "hello", params: hello });
  await done;
};
const settled = (): Promise<unknown> => vi.advanceTimersByTimeAsync(0);

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("WebSocket", Wire);
  Wire.all = [];
  posted = [];
  respond = () => answer(hello);
  vi.stubGlobal("fetch", (url: string, init: RequestInit) => {
    if (init.method === "POST") posted.push([new URL(url).pathname, JSON.parse(String(init.body))]);
    return Promise.resolve(respond(new URL(url).pathname, init));
  });
  client = new WorkflowClient({ baseUrl: "http://here/base/" });
});
afterEach(async () => {
  client.disconnect();
  await vi.advanceTimersByTimeAsync(3_000);
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("connecting", () => {
  test("opens one socket below the base URL and tells its state", async () => {
    const states: string[] = [];
    client.onConnection(({ kind }) => states.push(kind));
    await connected();
    expect(last().url).toBe("ws://here/base/wf-jupyter/api/v1/ws");
    expect(states).toEqual(["disconnected", "connecting", "connecting", "live"]);
    client.disconnect();
    expect(client.getState().connection).toEqual({ kind: "disconnected" });
    await vi.advanceTimersByTimeAsync(2_000);
    expect(last().readyState).toBe(3);
  });

  test("rejects when the server does not let one in, and goes on when it does", async () => {
    respond = () => answer({ message: "Forbidden" }, 403);
    await expect(client.connect()).rejects.toThrow("log in");
    respond = () => answer(hello);
    await vi.advanceTimersByTimeAsync(6_000);
    last().open();
    last().tell({ method: "hello", params: hello });
    expect(client.getState().connection.kind).toBe("live");
  });

  test("waits for a server that is away, for ever", async () => {
    respond = () => {
      throw new Error("down");
    };
    const done = client.connect();
    await vi.advanceTimersByTimeAsync(600_000);
    expect(client.getState().connection.kind).toBe("waiting");
    respond = () => answer(hello);
    window.dispatchEvent(new Event("online"));
    await settled();
    last().open();
    last().tell({ method: "hello", params: hello });
    await done;
  });
});

describe("executing", () => {
  test("gives the id, and follows what it started from the first event", async () => {
    await connected();
    const started: [string, string][] = [];
    client.onWorkflowStarted((event, id) => started.push([event.workflow, id]));
    const asked = client.execute("etl", { day: "monday" });
    await settled();
    expect(last().sent.at(-1)).toMatchObject({ method: "execute", params: { workflow: "etl", input: { day: "monday" } } });
    last().answer({ execution_id: "x" });
    expect(await asked).toBe("x");
    const known = client.subscribe("x");
    expect(last().sent.at(-1)!.params).toEqual({ execution_id: "x", after: 0, epoch: "e" });
    last().answer({ recovered: true, seq: 2, epoch: "e" });
    happen("x", { seq: 1, type: "workflow.started", workflow: "etl", task_count: 1 }, { seq: 2, type: "tasks.added", tasks: [{ key: "a", name: "a" }] });
    expect(await known).toMatchObject({ id: "x", workflow: "etl", status: "running", seq: 2, created: time });
    expect(started).toEqual([["etl", "x"]]);
  });

  test("waits as long as the server limits the rate", async () => {
    await connected();
    const asked = client.execute("etl");
    await settled();
    last().refuse({ code: -32003, message: "too many", data: { reason: "rate_limited", retry_after: 2.5 } });
    await vi.advanceTimersByTimeAsync(2_400);
    expect(last().sent).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(200);
    expect(last().sent).toHaveLength(2);
    last().answer({ execution_id: "x" });
    expect(await asked).toBe("x");
  });

  test("a hundred at once are sent a few at a time, and all get through", async () => {
    await connected();
    const all = Promise.all(Array.from({ length: 100 }, (_, i) => client.execute("etl", { i })));
    let limited = 0;
    for (let done = 0, seen = 0; done < 100; ) {
      await vi.advanceTimersByTimeAsync(50);
      const wanted = last().sent.slice(seen);
      expect(wanted.length).toBeLessThanOrEqual(8);
      seen += wanted.length;
      for (const { id } of wanted) {
        if (++limited % 3 === 0) last().tell({ id, error: { code: -32003, message: "too many", data: { retry_after: 0.05 } } });
        else last().tell({ id, result: { execution_id: `x${done++}` } });
      }
    }
    expect(new Set(await all).size).toBe(100);
  });

  test("an error of the server says what is wrong", async () => {
    await connected();
    const asked = client.execute("nothing").catch((error: unknown) => error);
    await settled();
    last().refuse({ code: -32001, message: "there is no workflow 'nothing'", data: { reason: "workflow_not_found", field: "workflow" } });
    const error = (await asked) as RpcError;
    expect(error).toBeInstanceOf(RpcError);
    expect([error.code, error.reason, error.field, error.message]).toEqual([-32001, "workflow_not_found", "workflow", "there is no workflow 'nothing'"]);
  });

  test("a connection that breaks before the answer is an error, not a second start", async () => {
    await connected();
    const asked = client.execute("etl").catch((error: unknown) => error);
    await settled();
    last().break();
    expect(await asked).toMatchObject({ reason: "connection_lost" });
    await vi.advanceTimersByTimeAsync(1_000);
    last().open();
    expect(last().sent).toEqual([]);
  });

  test("commands name the execution, and wait for a connection", async () => {
    const ready = connected();
    const asked = client.cancel("x", { reason: "enough", task: "a" });
    await ready;
    await settled();
    expect(last().sent.at(-1)).toMatchObject({ method: "cancel", params: { execution_id: "x", reason: "enough", task: "a" } });
    last().answer({});
    await asked;
    for (const command of ["retry", "pause", "resume"] as const) {
      const done = client[command]("x");
      await settled();
      expect(last().sent.at(-1)).toMatchObject({ method: command, params: { execution_id: "x" } });
      last().answer({});
      await done;
    }
  });

  test("goes over HTTP where WebSockets are blocked", async () => {
    const done = client.connect();
    await settled();
    last().break();
    await settled();
    await done;
    expect(client.getState().connection).toEqual({ kind: "delayed", by: "polling" });
    respond = () => answer({ id: "x", execution_id: "x" }, 201);
    expect(await client.execute("etl", { a: 1 })).toBe("x");
    expect(posted[0]).toEqual(["/base/wf-jupyter/api/v1/executions", { workflow: "etl", input: { a: 1 } }]);
    respond = () => answer({ message: "it has ended", reason: "state_conflict" }, 409);
    await expect(client.pause("x")).rejects.toMatchObject({ code: -32004, reason: "state_conflict" });
  });
});

describe("following", () => {
  const follow = async (): Promise<void> => {
    await connected();
    const known = client.subscribe("x");
    last().answer({ epoch: "e", seq: 1, snapshot: snapshotOf([task("a", "pending"), task("b", "pending")]) });
    await known;
  };

  test("calls each handler with its own type of event, until it is removed", async () => {
    await follow();
    const seen: string[] = [];
    const stops = [
      client.onTaskStarted((event) => seen.push(`started ${event.task}`)),
      client.onTaskCompleted((event) => seen.push(`${event.task} ${event.status}`)),
      client.on("task.log", (event, id) => seen.push(`${id} ${event.text}`)),
      client.on("event", (event) => seen.push(event.type)),
    ];
    happen("x", { seq: 2, type: "task.started", task: "a", attempt: 1 });
    stops[3]!();
    happen("x", { seq: 3, type: "task.log", task: "a", attempt: 1, stream: "stdout", text: "hi" });
    happen("x", { seq: 4, type: "task.completed", task: "a", attempt: 1, status: "succeeded" });
    stops.forEach((stop) => stop());
    happen("x", { seq: 5, type: "task.started", task: "b", attempt: 1 });
    expect(seen).toEqual(["started a", "task.started", "x hi", "a succeeded"]);
  });

  test("a handler that throws does not keep others from hearing", async () => {
    await follow();
    const told = vi.spyOn(console, "error").mockImplementation(() => undefined);
    const seen: number[] = [];
    client.on("event", () => {
      throw new Error("mine");
    });
    client.on("event", ({ seq }) => seen.push(seq));
    happen("x", { seq: 2, type: "workflow.paused" });
    expect([seen, told.mock.calls.length]).toEqual([[2], 1]);
    told.mockRestore();
  });

  test("after a cut each event comes once, and a snapshot where they cannot be had", async () => {
    await follow();
    const seen: (number | string)[] = [];
    client.on("event", ({ seq }) => seen.push(seq));
    client.on("snapshot", ({ seq, status }) => seen.push(`${seq} ${status}`));
    happen("x", { seq: 2, type: "workflow.paused" });
    last().break();
    await vi.advanceTimersByTimeAsync(600);
    last().open();
    expect(last().sent[0]!.params).toEqual({ execution_id: "x", after: 2, epoch: "e" });
    last().answer({ recovered: true, seq: 3, epoch: "e" });
    happen("x", { seq: 2, type: "workflow.paused" }, { seq: 3, type: "workflow.resumed" });
    last().tell({ method: "snapshot", params: { execution_id: "x", snapshot: snapshotOf([], [], { seq: 90, status: "succeeded" }) } });
    expect(seen).toEqual([2, 3, "90 succeeded"]);
    expect(client.getState("x").snapshot!.status).toBe("succeeded");
  });

  test("a hole is asked for and never skipped", async () => {
    await follow();
    happen("x", { seq: 5, type: "workflow.paused" });
    expect(client.getState("x").snapshot!.seq).toBe(1);
    expect(last().sent.at(-1)).toMatchObject({ method: "subscribe", params: { after: 1 } });
  });

  test("the state is the same object until it changes, and shares what did not", async () => {
    await follow();
    const before = client.getState();
    expect(client.getState()).toBe(before);
    let changes = 0;
    const stop = client.onChange(() => changes++);
    happen("x", { seq: 2, type: "task.started", task: "a", attempt: 1 });
    happen("x", { seq: 3, type: "task.progress", task: "a", done: 1 });
    await vi.advanceTimersByTimeAsync(16);
    expect(changes).toBe(1);
    const after = client.getState();
    const [a, b] = after.executions["x"]!.tasks!;
    expect([a!.status, before.executions["x"]!.tasks![0]!.status]).toEqual(["running", "pending"]);
    expect(b).toBe(before.executions["x"]!.tasks![1]);
    stop();
  });

  test("finished resolves with the end, also when only a snapshot tells of it", async () => {
    await follow();
    const end = client.finished("x");
    last().tell({ method: "snapshot", params: { execution_id: "x", snapshot: snapshotOf([], [], { seq: 90, status: "failed" }) } });
    expect((await end).status).toBe("failed");
  });

  test("an execution that is not there rejects, and is not asked for again", async () => {
    await connected();
    const known = client.subscribe("none").catch((error: unknown) => error);
    last().refuse({ code: -32001, message: "there is no execution none" });
    expect(await known).toMatchObject({ code: -32001, message: "there is no execution none" });
    last().break();
    await vi.advanceTimersByTimeAsync(600);
    last().open();
    expect(last().sent).toEqual([]);
  });

  test("unsubscribe ends it", async () => {
    await follow();
    client.unsubscribe("x");
    expect(last().sent.at(-1)).toMatchObject({ method: "unsubscribe", params: { execution_id: "x" } });
    expect(client.getState().executions).toEqual({});
  });

  test("all executions: their workflow events, once each", async () => {
    await follow();
    const seen: string[] = [];
    client.on("event", (event, id) => seen.push(`${id} ${event.type}`));
    client.on("list", () => seen.push("list"));
    const all = client.subscribe("*");
    last().answer({ recovered: true, seq: 0, epoch: "e" });
    expect(await all).toBeNull();
    const tell = (id: string): void =>
      last().tell({ method: "events", params: { execution_id: id, subscription: "*", events: [{ seq: 2, time, type: "workflow.paused" }] } });
    tell("y");
    tell("x");
    happen("x", { seq: 2, type: "workflow.paused" });
    last().tell({ method: "snapshot", params: { execution_id: "*", snapshot: null } });
    expect(seen).toEqual(["list", "y workflow.paused", "x workflow.paused", "list"]);
  });

  test("connecting again goes on where it was", async () => {
    await follow();
    client.disconnect();
    await vi.advanceTimersByTimeAsync(3_000);
    const done = client.connect();
    await settled();
    last().open();
    expect(last().sent[0]!.params).toEqual({ execution_id: "x", after: 1, epoch: "e" });
    last().tell({ method: "hello", params: hello });
    last().answer({ recovered: true, seq: 1 });
    await done;
  });
});

test("the React hook follows while its component is there", async () => {
  (globalThis as Record<string, unknown>)["IS_REACT_ACT_ENVIRONMENT"] = true;
  await connected();
  const useExecution = createUseExecution(React as unknown as ReactHooks);
  let renders = 0;
  const Status = ({ id }: { id: string | null }): React.ReactNode => {
    renders++;
    const { snapshot, error } = useExecution(client, id);
    return createElement("p", {}, error ?? snapshot?.status ?? "nothing yet");
  };
  const element = document.createElement("div");
  const root = createRoot(element);
  const show = (id: string | null): Promise<void> => act(async () => root.render([1, 2].map((key) => createElement(Status, { key, id }))));
  await show("x");
  expect(element.textContent).toBe("nothing yetnothing yet");
  expect(last().sent.filter(({ method }) => method === "subscribe")).toHaveLength(1);
  await act(async () => {
    last().answer({ epoch: "e", seq: 1, snapshot: snapshotOf([]) });
    await vi.advanceTimersByTimeAsync(16);
  });
  expect(element.textContent).toBe("runningrunning");
  const before = renders;
  await act(async () => {
    for (let seq = 2; seq < 100; seq++) happen("x", { seq, type: seq % 2 ? "workflow.resumed" : "workflow.paused" });
    happen("x", { seq: 100, type: "workflow.completed", status: "succeeded" });
    await vi.advanceTimersByTimeAsync(16);
  });
  expect([element.textContent, renders - before]).toEqual(["succeededsucceeded", 2]);
  await show(null);
  expect(last().sent.at(-1)).toMatchObject({ method: "unsubscribe", params: { execution_id: "x" } });
  await act(async () => root.unmount());
});
