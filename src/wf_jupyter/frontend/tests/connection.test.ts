import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { pageConfig, Rest } from "../src/protocol/page.ts";
import type { Model } from "../src/protocol/relay.ts";
import type { Changes } from "../src/fold/run.ts";
import { Session, type Listener } from "../src/ui/session.ts";
import { snapshotOf, task } from "./events.ts";

type Hook = (...values: unknown[]) => void;

/** The kernel's side of a widget model, played by the test. */
class Kernel implements Model {
  readonly sent: Record<string, unknown>[] = [];
  readonly hooks = new Map<string, Hook>();

  constructor(readonly traits: Record<string, unknown>) {}

  get(name: string): unknown {
    return this.traits[name];
  }

  on(name: string, hook: Hook): void {
    this.hooks.set(name, hook);
  }

  off(name: string): void {
    this.hooks.delete(name);
  }

  send(content: unknown): void {
    this.sent.push(content as Record<string, unknown>);
  }

  tell(content: object): void {
    this.hooks.get("msg:custom")?.({ execution_id: "x", ...content });
  }
}

class Ear implements Listener {
  states: string[] = [];
  changed(_: Changes): void {}
  connection(state: { kind: string }): void {
    this.states.push(state.kind);
  }
  said(): void {}
  rewound(): void {}
}

const event = (seq: number, type = "workflow.paused", more: object = {}): object => ({ seq, type, time: "2026-01-01T00:00:00Z", ...more });

function answer(body: unknown, status = 200, headers: Record<string, string> = {}): Response {
  return { ok: status < 400, status, headers: new Headers(headers), json: async () => body, text: async () => JSON.stringify(body) } as Response;
}

function page(config: object | null): void {
  document.head.innerHTML = "";
  if (config === null) return;
  const element = document.createElement("script");
  element.id = "jupyter-config-data";
  element.type = "application/json";
  element.textContent = JSON.stringify(config);
  document.head.append(element);
}

class Silent {
  static made = 0;
  readyState = 0;
  constructor() {
    Silent.made++;
  }
  close(): void {}
}

beforeEach(() => vi.useFakeTimers());
afterEach(() => {
  page(null);
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("through the kernel", () => {
  const start = (traits: Record<string, unknown> = {}): { kernel: Kernel; session: Session; ear: Ear; leave: () => void } => {
    const kernel = new Kernel({ execution_id: "x", server_id: "", ...traits });
    const session = new Session(kernel, "x");
    const ear = new Ear();
    return { kernel, session, ear, leave: session.join(ear) };
  };

  test("the saved picture shows until the kernel answers, and then what it says", () => {
    const { kernel, session } = start({ snapshot: snapshotOf([task("a", "running")]) });
    expect([session.state.kind, session.run.seq]).toEqual(["saved", 1]);
    expect(kernel.sent[0]).toEqual({ kind: "subscribe", execution_id: "x", after: 1, epoch: "e" });
    kernel.tell({ kind: "events", from: 1, events: [event(2, "task.completed", { task: "a", attempt: 1, status: "succeeded", duration: 1 })] });
    expect([session.state.kind, session.run.counts[0]]).toEqual(["delayed", 1]);
  });

  test("a kernel that is busy is asked again until it answers", () => {
    const { kernel } = start();
    vi.advanceTimersByTime(11_000);
    const asked = (): number => kernel.sent.filter(({ kind }) => kind === "subscribe").length;
    expect(asked()).toBe(3);
    kernel.tell({ kind: "snapshot", snapshot: snapshotOf([]) });
    vi.advanceTimersByTime(15_000);
    expect(asked()).toBe(3);
  });

  test("a kernel that falls silent is asked whether something was lost, unless the execution has ended", () => {
    const { kernel, session } = start({ snapshot: snapshotOf([]) });
    const asked = (): number => kernel.sent.filter(({ kind }) => kind === "subscribe").length;
    kernel.tell({ kind: "events", events: [event(2)] });
    vi.advanceTimersByTime(25_000);
    expect(asked()).toBe(2);
    kernel.tell({ kind: "snapshot", snapshot: snapshotOf([], [], { seq: 9, status: "succeeded" }) });
    vi.advanceTimersByTime(120_000);
    expect([asked(), session.run.status]).toEqual([2, "succeeded"]);
    expect(kernel.sent.filter(({ kind }) => kind === "unsubscribe")).toHaveLength(1);
  });

  test("a heartbeat that is ahead of what came means that a message was lost", () => {
    const { kernel } = start({ snapshot: snapshotOf([]) });
    const asked = (): number => kernel.sent.filter(({ kind }) => kind === "subscribe").length;
    kernel.tell({ kind: "events", events: [event(2)] });
    kernel.tell({ kind: "heartbeat", seq: 2 });
    expect(asked()).toBe(1);
    kernel.tell({ kind: "heartbeat", seq: 3 });
    expect(asked()).toBe(2);
  });

  test("a kernel whose heartbeat ends is gone since it was last heard, until it is heard again", () => {
    const { kernel, session } = start({ snapshot: snapshotOf([]) });
    kernel.tell({ kind: "events", events: [event(2)] });
    for (let i = 0; i < 6; i++) {
      vi.advanceTimersByTime(10_000);
      kernel.tell({ kind: "heartbeat", seq: 2 });
    }
    expect(session.state.kind).toBe("delayed");
    const since = Date.now();
    vi.advanceTimersByTime(30_000);
    expect(session.state).toEqual({ kind: "gone", since });
    kernel.tell({ kind: "heartbeat", seq: 2 });
    expect(session.state.kind).toBe("delayed");
  });

  test("a kernel that was restarted is said to be gone, and the clock stops, until one answers", () => {
    const { kernel, session } = start({ snapshot: snapshotOf([task("a", "running")]) });
    kernel.tell({ kind: "events", events: [event(2)] });
    kernel.hooks.get("comm_live_update")?.();
    expect(session.state.kind).toBe("gone");
    const before = session.clock.now();
    vi.advanceTimersByTime(60_000);
    expect(session.clock.now()).toBe(before);
    kernel.tell({ kind: "events", events: [event(3)] });
    expect(session.state).toEqual({ kind: "delayed", by: "kernel" });
  });

  test("what the page's server took over from a kernel that is gone is live again, and asked of the server", async () => {
    page({ baseUrl: "/", wsUrl: "" });
    vi.stubGlobal("WebSocket", Silent);
    let log: object[] = [];
    const asked: string[] = [];
    vi.stubGlobal("fetch", (url: string) => {
      asked.push(url);
      return Promise.resolve(answer({ epoch: "e", events: log }));
    });
    Silent.made = 0;
    const { kernel, leave } = start({ snapshot: snapshotOf([]) });
    kernel.tell({ kind: "events", events: [event(2)] });
    await vi.advanceTimersByTimeAsync(10_000);
    expect(asked).toEqual([]);
    kernel.hooks.get("comm_live_update")?.();
    await vi.advanceTimersByTimeAsync(5_000);
    expect([asked.length, Silent.made]).toEqual([2, 0]);
    log = [event(3, "workflow.recovered", { tasks: [] })];
    await vi.advanceTimersByTimeAsync(2_000);
    expect(Silent.made).toBe(1);
    expect(kernel.hooks.size).toBe(0);
    leave();
    await vi.advanceTimersByTimeAsync(5_000);
  });

  test("a server with other data is asked once", async () => {
    page({ baseUrl: "/", wsUrl: "" });
    const asked: string[] = [];
    vi.stubGlobal("fetch", (url: string) => {
      asked.push(url);
      return Promise.resolve(answer({ message: "no such execution" }, 404));
    });
    const { kernel, session } = start({ snapshot: snapshotOf([]) });
    kernel.tell({ kind: "events", events: [event(2)] });
    kernel.hooks.get("comm_live_update")?.();
    await vi.advanceTimersByTimeAsync(60_000);
    expect([asked.length, session.state.kind]).toEqual([1, "gone"]);
  });

  test("a hole in the events is asked for once, and never skipped in silence", () => {
    const { kernel, session } = start({ snapshot: snapshotOf([]) });
    kernel.tell({ kind: "events", events: [event(2)] });
    kernel.tell({ kind: "events", events: [event(4), event(5)] });
    expect(session.run.seq).toBe(2);
    expect(kernel.sent.at(-1)).toMatchObject({ kind: "subscribe", after: 2 });
    kernel.tell({ kind: "snapshot", snapshot: snapshotOf([], [], { seq: 6 }) });
    kernel.tell({ kind: "events", events: [event(5), event(6), event(7)] });
    expect(session.run.seq).toBe(7);
  });

  test("an older snapshot of the same data does not turn the picture back", () => {
    const { kernel, session } = start({ snapshot: snapshotOf([], [], { seq: 9 }) });
    kernel.tell({ kind: "snapshot", snapshot: snapshotOf([], [], { seq: 4 }) });
    expect(session.run.seq).toBe(9);
  });

  test("a question and a command go as requests, and what is answered to another page is none of ours", async () => {
    const { kernel, session } = start({ snapshot: snapshotOf([]) });
    expect(session.canAsk).toBe(false);
    kernel.tell({ kind: "events", events: [event(2)] });
    expect(session.canAsk).toBe(true);
    const asked = session.ask("retry", { task: "a" });
    const { kind, method, params, id } = kernel.sent.at(-1)!;
    expect({ kind, method, params }).toEqual({ kind: "request", method: "retry", params: { task: "a" } });
    kernel.tell({ kind: "answer", id: "other-1", error: { message: "not for us" } });
    kernel.tell({ kind: "answer", id, result: { done: 1 } });
    expect(await asked).toEqual({ done: 1 });
    const refused = session.ask("cancel");
    kernel.tell({ kind: "answer", id: kernel.sent.at(-1)!["id"], error: { message: "it has ended" } });
    await expect(refused).rejects.toThrow("it has ended");
  });

  test("a kernel that does not answer, or is cut off, answers with an error", async () => {
    const { kernel, session } = start({ snapshot: snapshotOf([]) });
    kernel.tell({ kind: "events", events: [event(2)] });
    const late = expect(session.ask("events", { after: 0 })).rejects.toThrow("busy, or gone");
    vi.advanceTimersByTime(60_000);
    await late;
    const cut = expect(session.ask("cancel")).rejects.toThrow("busy, or gone");
    kernel.hooks.get("comm_live_update")?.();
    await cut;
  });

  test("usual durations and the past are asked for through the kernel as well", async () => {
    const { kernel, session } = start({ snapshot: snapshotOf([], [], { seq: 1 }) });
    kernel.tell({ kind: "events", events: [event(2)] });
    const answer = async (method: string, result: object): Promise<void> => {
      const { id } = kernel.sent.findLast((sent) => sent["method"] === method)!;
      kernel.tell({ kind: "answer", id, result });
      await vi.advanceTimersByTimeAsync(0);
    };
    await answer("history", { executions: 2, tasks: { a: { count: 2, p10: 1, p50: 2, p90: 3, p95: 3 } } });
    expect(session.history.of("a")?.p50).toBe(2);
    const ready = session.record();
    await answer("events", { events: [event(1, "workflow.started", { workflow: "w" })], more: true });
    await answer("events", { events: [event(2)] });
    await ready;
    session.seek(0);
    expect(session.isReplaying).toBe(true);
    session.present();
  });

  test("the clock stands still on a saved picture, and when nothing is connected", () => {
    const { session } = start({ snapshot: snapshotOf([task("a", "running", { started: "2026-01-01T00:00:05Z" })]) });
    const before = session.clock.now();
    vi.advanceTimersByTime(60_000);
    expect(session.clock.now()).toBe(before);
    expect(before).toBe(Date.UTC(2026, 0, 1, 0, 0, 5));
  });

  test("two seconds after the last view nothing is left", () => {
    const { kernel, leave } = start();
    leave();
    vi.advanceTimersByTime(2_000);
    expect(kernel.hooks.size).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("where the page's server is", () => {
  test("JupyterLab and Notebook tell by an element, nbclassic by the body", () => {
    expect(pageConfig()).toBeNull();
    page({ baseUrl: "/user/bob/", wsUrl: "ws://there/x/", token: "t" });
    expect(pageConfig()).toEqual({ baseUrl: "/user/bob/", wsUrl: "ws://there/x/", token: "t" });
    page(null);
    Object.assign(document.body.dataset, { baseUrl: "%2Fa%40b%2F", wsUrl: "" });
    expect(pageConfig()?.baseUrl).toBe("/a@b/");
    delete document.body.dataset["baseUrl"];
  });

  test("addresses keep prefixes, and the scheme of the socket follows the page", () => {
    const rest = new Rest({ baseUrl: "https://hub/user/bob/", wsUrl: "", token: "" });
    expect(rest.url("executions/1?after=2")).toBe("https://hub/user/bob/wf-jupyter/api/v1/executions/1?after=2");
    expect(rest.socketUrl()).toBe("wss://hub/user/bob/wf-jupyter/api/v1/ws");
    expect(new Rest({ baseUrl: "/", wsUrl: "ws://other/p", token: "" }).socketUrl()).toBe("ws://other/p/wf-jupyter/api/v1/ws");
  });

  test("commands carry the XSRF cookie, and wait while the server limits them", async () => {
    document.cookie = "_xsrf=2%7Cabc";
    const calls: RequestInit[] = [];
    const answers = [answer({ message: "slow down" }, 429, { "Retry-After": "2" }), answer({})];
    vi.stubGlobal("fetch", (_: string, init: RequestInit) => {
      calls.push(init);
      return Promise.resolve(answers[calls.length - 1]);
    });
    const done = new Rest({ baseUrl: "http://here/", wsUrl: "", token: "" }).post("executions/1/cancel");
    await vi.advanceTimersByTimeAsync(1_900);
    expect(calls).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(200);
    await done;
    expect((calls[1]!.headers as Record<string, string>)["X-XSRFToken"]).toBe("2|abc");
  });
});

describe("which way events come", () => {
  const start = async (hello: () => Promise<Response>, traits: Record<string, unknown> = {}): Promise<{ kernel: Kernel; session: Session; leave: () => void }> => {
    Silent.made = 0;
    page({ baseUrl: "http://here/" });
    vi.stubGlobal("WebSocket", Silent);
    vi.stubGlobal("fetch", hello);
    const kernel = new Kernel({ execution_id: "x", server_id: "mine", ...traits });
    const session = new Session(kernel, "x");
    const leave = session.join(new Ear());
    await vi.advanceTimersByTimeAsync(0);
    return { kernel, session, leave };
  };
  const after = async (leave: () => void): Promise<void> => {
    leave();
    await vi.advanceTimersByTimeAsync(5_000);
  };

  test("straight from the server that runs the execution", async () => {
    const { kernel, session, leave } = await start(() => Promise.resolve(answer({ server_id: "mine", epoch: "e" })));
    expect([Silent.made, kernel.sent.length, session.rest !== null]).toEqual([1, 0, true]);
    await after(leave);
  });

  test("straight from it after a restart, which gives it another name but not other data", async () => {
    const { session, leave } = await start(() => Promise.resolve(answer({ server_id: "new", epoch: "e" })), { snapshot: snapshotOf([]) });
    expect(session.rest !== null).toBe(true);
    await after(leave);
  });

  test("through the kernel when the page's server is another one, or runs no workflows", async () => {
    for (const hello of [answer({ server_id: "other", epoch: "f" }), answer({}, 404)]) {
      const { kernel, leave } = await start(() => Promise.resolve(hello));
      expect([Silent.made, kernel.sent[0]?.["kind"]]).toEqual([0, "subscribe"]);
      await after(leave);
    }
  });

  test("a server that is away is waited for", async () => {
    const { session, leave } = await start(() => Promise.reject(new Error("gone")));
    expect(session.state.kind).toBe("waiting");
    vi.stubGlobal("fetch", () => Promise.resolve(answer({ server_id: "mine", epoch: "e" })));
    await vi.advanceTimersByTimeAsync(20_000);
    expect(session.rest !== null).toBe(true);
    await after(leave);
  });

  test("a login that has expired is said to be so", async () => {
    const { session, leave } = await start(() => Promise.resolve(answer({ message: "Forbidden" }, 403)));
    expect(session.state).toEqual({ kind: "refused", reason: "log in to the Jupyter server again" });
    await after(leave);
  });

  test("while the server knows the page no more the kernel tells, and when it does the server tells again", async () => {
    for (const [status, words] of [[401, "log in"], [403, "log in"], [424, "was stopped"]] as const) {
      const { kernel, session, leave } = await start(() => Promise.resolve(answer({ message: "no" }, status)));
      expect(session.state).toMatchObject({ kind: "refused", reason: expect.stringContaining(words) });
      kernel.tell({ kind: "snapshot", snapshot: snapshotOf([]) });
      expect(session.state).toMatchObject({ kind: "delayed", by: "kernel", why: expect.stringContaining(words) });
      vi.stubGlobal("fetch", () => Promise.resolve(answer({ server_id: "mine", epoch: "e" })));
      await vi.advanceTimersByTimeAsync(30_000);
      expect(session.rest !== null).toBe(true);
      expect(kernel.sent.at(-1)?.["kind"]).toBe("unsubscribe");
      await after(leave);
    }
  });

  test("every request carries the XSRF header, and no address the token", async () => {
    document.cookie = "_xsrf=a%7Cb";
    const asked: [string, Record<string, string>][] = [];
    vi.stubGlobal("fetch", (url: string, options: { headers: Record<string, string> }) => {
      asked.push([url, options.headers]);
      return Promise.resolve(options.headers["Authorization"] === undefined ? answer({ message: "no" }, 403) : answer({ server_id: "mine", executions: [] }));
    });
    const rest = new Rest({ baseUrl: "/", wsUrl: "", token: "s3cret" });
    await rest.hello();
    await rest.get("executions");
    await rest.post("executions", {});
    expect(new Set(asked.map(([, headers]) => headers["X-XSRFToken"]))).toEqual(new Set(["a|b"]));
    expect(asked.map(([, headers]) => headers["Authorization"]).slice(-3)).toEqual(["token s3cret", "token s3cret", "token s3cret"]);
    expect([...asked.map(([url]) => url), rest.socketUrl()].filter((url) => url.includes("s3cret"))).toEqual([]);
  });

  test("a service that did not start tells why", async () => {
    const { session, leave } = await start(() => Promise.resolve(answer({ server_id: "mine", ready: false, message: "the database is damaged" })));
    expect(session.state).toEqual({ kind: "refused", reason: "the database is damaged" });
    await after(leave);
  });
});
