import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { GroupSnapshot, TaskSnapshot } from "../src/protocol/messages.gen.ts";
import widget, { mount } from "../src/widget.ts";
import { snapshotOf, task } from "./events.ts";

type Hook = (...values: unknown[]) => void;

const WIDTH = 700;
let disposers: (() => void)[] = [];

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "requestAnimationFrame", "cancelAnimationFrame", "Date"] });
  vi.setSystemTime(Date.UTC(2026, 0, 1, 0, 1, 0));
  vi.spyOn(HTMLElement.prototype, "clientWidth", "get").mockReturnValue(WIDTH);
});
afterEach(() => {
  for (const dispose of disposers) dispose();
  disposers = [];
  vi.advanceTimersByTime(5_000);
  document.body.replaceChildren();
  vi.restoreAllMocks();
  vi.useRealTimers();
});

interface Shown {
  readonly el: HTMLElement;
  readonly tell: (...events: object[]) => void;
  readonly sent: Record<string, unknown>[];
  readonly hooks: Map<string, Hook>;
  readonly dispose: () => void;
}

/** A view of a run whose kernel is connected. */
function show(tasks: readonly TaskSnapshot[], groups: readonly GroupSnapshot[] = [], more: object = {}): Shown {
  const el = document.createElement("div");
  document.body.append(el);
  const snapshot = snapshotOf(tasks, groups, more);
  const hooks = new Map<string, Hook>();
  const sent: Record<string, unknown>[] = [];
  const traits: Record<string, unknown> = { execution_id: "x", server_id: "", workflow: "w", snapshot, tab: "", height: 0 };
  const model = {
    get: (name: string) => traits[name],
    on: (name: string, hook: Hook) => void hooks.set(name, hook),
    off: (name: string) => void hooks.delete(name),
    send: (content: unknown) => void sent.push(content as Record<string, unknown>),
  };
  const dispose = widget.render({ model: model as never, el });
  disposers.push(dispose);
  let seq = snapshot.seq;
  const tell = (...events: object[]): void => {
    const list = events.map((event) => ({ seq: ++seq, time: new Date().toISOString(), ...event }));
    hooks.get("msg:custom")?.({ kind: "events", execution_id: "x", events: list });
    vi.advanceTimersByTime(300);
  };
  tell();
  return { el, tell, sent, hooks, dispose };
}

const failure = (message: string, traceback = ""): TaskSnapshot["error"] => ({ kind: "raised", type: "ValueError", message, traceback });
const find = <E extends HTMLElement>(el: Element, selector: string): E => el.querySelector<E>(selector)!;
const card = (el: Element, key: string): HTMLElement => [...el.querySelectorAll<HTMLElement>(".wfj-card")].find((c) => c.dataset["key"] === key)!;
const press = (el: Element, key: string): boolean => el.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
const withText = (el: Element, text: string): HTMLElement => [...el.querySelectorAll("button")].find((b) => b.textContent === text)!;

const CHAIN = [
  task("load", "succeeded", { duration: 2, attempts: 1, result: { type: "DataFrame", shape: [1_240_000, 3] } }),
  task("clean", "failed", { attempts: 3, dependencies: ["load"], error: failure("14 rows with null id", "Traceback…\nValueError") }),
  task("fit", "running", { attempts: 1, started: "2026-01-01T00:00:30Z", dependencies: ["load"], progress: { done: 62, total: 100 } }),
  task("report", "pending", { dependencies: ["clean", "fit"] }),
];

describe("a task's card", () => {
  test("tells its state in words as well as by shape", () => {
    const { el } = show(CHAIN);
    expect(find(card(el, "load"), ".wfj-texts").textContent).toBe("load1.24 M rows2.0 s");
    expect(find(card(el, "clean"), ".wfj-texts").textContent).toBe("cleanValueError · try 3");
    expect(find(card(el, "fit"), ".wfj-texts").textContent).toBe("fit62 % · 19 s left");
    expect(find(card(el, "report"), ".wfj-texts").textContent).toBe("reportwaiting for 1");
    expect(find(card(el, "clean"), ".wfj-spoken").textContent).toBe("clean, failed, ValueError: 14 rows with null id");
  });

  test("follows the events", () => {
    const { el, tell } = show(CHAIN);
    tell({ type: "task.completed", task: "fit", attempt: 1, status: "succeeded", duration: 3, result: { type: "int", text: "42" } });
    expect(card(el, "fit").dataset["status"]).toBe("succeeded");
    expect(find(card(el, "fit"), ".wfj-texts").textContent).toBe("fit423.0 s");
    expect(find(card(el, "report"), ".wfj-texts").textContent).toBe("reportwaiting for a worker");
  });

  test("counts down to the next try", () => {
    const { el, tell } = show(CHAIN);
    tell({ type: "task.retrying", task: "fit", attempt: 1, delay: 20, error: failure("flaky") });
    expect(find(card(el, "fit"), ".wfj-texts").textContent).toBe("fitretry 1 in 20 s");
    vi.advanceTimersByTime(10_000);
    expect(find(card(el, "fit"), ".wfj-texts").textContent).toMatch(/^fitretry 1 in (9\.\d|10) s$/);
  });

  test("a name is text, whatever it holds", () => {
    const name = `<img src=x onerror=alert(1)>${"🦉".repeat(150)}\u202Eabc`;
    const { el } = show([task(name, "failed", { error: failure("<script>alert(1)</script>") })]);
    expect(el.querySelector("img, script")).toBeNull();
    expect(card(el, name).querySelector(".wfj-name")!.textContent).toBe(name);
  });
});

describe("a clock that differs from the server's", () => {
  test.each([["an hour ahead", -3_600_000], ["an hour behind", 3_600_000]])("%s: times that pass are right", (_, offset) => {
    const { el, tell } = show(CHAIN);
    const there = (): string => new Date(Date.now() + offset).toISOString();
    for (const done of [63, 64]) tell({ type: "task.progress", task: "fit", attempt: 1, done, total: 100, time: there() });
    tell({ type: "task.completed", task: "fit", attempt: 1, status: "succeeded", duration: 42, time: there() });
    expect(find(card(el, "fit"), ".wfj-texts").textContent).toBe("fitdone42 s");
    tell({ type: "task.started", task: "report", attempt: 1, time: there() });
    vi.advanceTimersByTime(5_000);
    expect(find(card(el, "report"), ".wfj-texts").textContent).toMatch(/^report[456](\.\d)? s/);
  });
});

describe("groups", () => {
  const map = (size: number, status: "running" | "pending" = "pending"): [TaskSnapshot[], GroupSnapshot[]] => [
    Array.from({ length: size }, (_, i) => task(`m[${i}]`, status, { group: "m" })),
    [{ key: "m", name: "m", kind: "map", size }],
  ];

  test("a mapped task is one card with its counts", () => {
    const { el, tell } = show(...map(1000));
    expect(el.querySelectorAll(".wfj-card")).toHaveLength(1);
    tell({ type: "task.started", task: "m[3]", attempt: 1 });
    expect(find(card(el, "m"), ".wfj-spoken").textContent).toBe("m, 1,000 items, running, 1 running, 999 pending");
  });

  test("a small one opens in its card, a large one below the graph", () => {
    const small = show(...map(12));
    find(small.el, ".wfj-toggle").click();
    expect(small.el.querySelectorAll(".wfj-tiles:not([hidden]) .wfj-tile")).toHaveLength(12);
    const large = show(...map(100));
    find(large.el, ".wfj-toggle").click();
    expect(find(large.el, ".wfj-drawer").getAttribute("aria-label")).toBe("Tasks of m");
    press(find(large.el, ".wfj-drawer"), "Escape");
    expect(large.el.querySelector(".wfj-drawer")).toBeNull();
  });

  test("one whose size is not known yet says so", () => {
    const { el } = show([], [{ key: "m", name: "m", kind: "map" }]);
    expect(card(el, "m").textContent).toContain("× ?");
    expect(card(el, "m").textContent).toContain("size not known yet");
  });

  const sub = (size: number): [TaskSnapshot[], GroupSnapshot[]] => [
    Array.from({ length: size }, (_, i) => task(`sub/${i}`, i === 0 ? "running" : "pending", { group: "sub", dependencies: i === 0 ? [] : [`sub/${i - 1}`] })),
    [{ key: "sub", name: "sub", kind: "workflow" }],
  ];
  const inside = (el: Element): (string | undefined)[] => [...find(el, ".wfj-inside").querySelectorAll<HTMLElement>(".wfj-card")].map((c) => c.dataset["key"]);

  test("a small sub-workflow opens inside its card, and what happens there is shown there", () => {
    const { el, tell } = show(...sub(3));
    find(el, ".wfj-toggle").click();
    expect(inside(el)).toEqual(["sub/0", "sub/1", "sub/2"]);
    expect(find(card(el, "sub"), ".wfj-tiles").hidden).toBe(true);
    expect(card(el, "sub").getAttribute("aria-expanded")).toBe("true");
    tell({ type: "task.completed", task: "sub/0", attempt: 1, status: "succeeded", duration: 1 }, { type: "task.started", task: "sub/1", attempt: 1 });
    expect(card(el, "sub/1").dataset["status"]).toBe("running");
    tell({ type: "tasks.added", tasks: [{ key: "sub/new", name: "new", group: "sub", dependencies: ["sub/2"] }] });
    expect(inside(el)).toEqual(["sub/0", "sub/1", "sub/2", "sub/new"]);
    find(el, ".wfj-toggle").click();
    expect(el.querySelector(".wfj-inside")).toBeNull();
    expect(card(el, "sub").getAttribute("aria-expanded")).toBe("false");
  });

  test("a sub-workflow that outgrows its card closes", () => {
    const { el, tell } = show(...sub(12));
    find(el, ".wfj-toggle").click();
    expect(inside(el)).toHaveLength(12);
    tell({ type: "tasks.added", tasks: [{ key: "sub/new", name: "new", group: "sub", dependencies: [] }] });
    expect(el.querySelector(".wfj-inside")).toBeNull();
    expect(card(el, "sub").getAttribute("aria-expanded")).toBe("false");
  });

  test("a larger sub-workflow opens below the graph", () => {
    const { el } = show(...sub(13));
    find(el, ".wfj-toggle").click();
    expect(find(el, ".wfj-drawer").querySelectorAll(".wfj-card")).toHaveLength(13);
  });
});

describe("the head", () => {
  test("shows the elapsed time, which stops when the run ends", () => {
    const { el, tell } = show(CHAIN);
    expect(find(el, ".wfj-elapsed").textContent).toBe("1:00 elapsed");
    vi.advanceTimersByTime(5_000);
    expect(find(el, ".wfj-elapsed").textContent).toBe("1:05 elapsed");
    tell({ type: "workflow.completed", status: "failed", duration: 65.4, failed: ["clean"] });
    vi.advanceTimersByTime(60_000);
    expect(find(el, ".wfj-elapsed").textContent).toBe("1:05");
    expect(find(el, ".wfj-pill").textContent).toBe("Failed");
  });

  test("counts what there is, and opens the table on one of them", () => {
    const { el } = show(CHAIN);
    const counts = [...el.querySelectorAll<HTMLElement>(".wfj-counts .wfj-count")].filter((c) => !c.hidden);
    expect(counts.map((c) => c.textContent)).toEqual(["1 succeeded", "1 running", "1 failed", "1 pending"]);
    counts[2]!.click();
    expect([...el.querySelectorAll<HTMLElement>(".wfj-rows .wfj-row")].map((row) => row.dataset["key"])).toEqual(["clean"]);
  });

  test("cancel is asked for once, and shown as under way when it is", () => {
    const { el, tell, sent } = show(CHAIN);
    withText(el, "Cancel").click();
    withText(el, "Cancel").click();
    expect(sent.filter(({ method }) => method === "cancel")).toHaveLength(1);
    tell({ type: "workflow.cancelling" });
    expect((withText(el, "Cancelling…") as HTMLButtonElement).disabled).toBe(true);
    tell({ type: "workflow.completed", status: "cancelled", duration: 3 });
    withText(el, "Retry").click();
    expect(sent.at(-1)).toMatchObject({ kind: "request", method: "retry", params: {} });
  });

  test("says how the picture is connected", () => {
    const { el, hooks } = show(CHAIN);
    expect(find(el, ".wfj-badge").textContent).toBe("delayed · via kernel");
    hooks.get("msg:custom")!({ kind: "connection", execution_id: "x", state: "waiting" });
    vi.advanceTimersByTime(15_000);
    expect(find(el, ".wfj-badge").textContent).toMatch(/^stale since \d\d:\d\d/);
    const before = find(el, ".wfj-elapsed").textContent;
    vi.advanceTimersByTime(15_000);
    expect(find(el, ".wfj-elapsed").textContent).toBe(before);
  });
});

describe("a task in full", () => {
  test("shows the error with its traceback, the result and what it prints", async () => {
    const { el, tell, sent, hooks } = show(CHAIN);
    card(el, "clean").click();
    await vi.advanceTimersByTimeAsync(10);
    const panel = find(el, ".wfj-panel");
    const answer = async (text: string): Promise<void> => {
      const { id, params } = sent.findLast(({ method }) => method === "log")!;
      expect(params).toMatchObject({ task: "clean", attempt: 3 });
      hooks.get("msg:custom")!({ kind: "answer", execution_id: "x", id, result: { text, end: text.length, size: text.length } });
      await vi.advanceTimersByTimeAsync(200);
    };
    expect(panel.textContent).toContain("ValueError: 14 rows with null id");
    expect(find(panel, ".wfj-error pre").textContent).toBe("Traceback…\nValueError");
    tell({ type: "task.log", task: "clean", attempt: 3, stream: "stdout", text: "a \x1b[31mred\x1b[0m <b>word</b>\n" });
    // a busy kernel does not answer: what came since the page opened is there all the same
    await vi.advanceTimersByTimeAsync(2_000);
    expect(find(panel, ".wfj-log").textContent).toBe("a red <b>word</b>\n");
    await answer("before\na \x1b[31mred\x1b[0m <b>word</b>\n");
    expect(find(panel, ".wfj-log").textContent).toBe("before\na red <b>word</b>\n");
    expect(panel.querySelector(".wfj-log b")).toBeNull();
  });

  test("a preview in HTML stands in a frame that reaches nothing", () => {
    const { el } = show([task("a", "succeeded", { result: { type: "DataFrame", html: "<table></table><script>top.x = 1</script>" } })]);
    card(el, "a").click();
    const frame = find<HTMLIFrameElement>(el, "iframe");
    expect(frame.getAttribute("sandbox")).toBe("allow-scripts");
    expect(frame.srcdoc).toContain("default-src 'none'");
  });
});

describe("the keyboard", () => {
  test("one card is reached by the tab key, and the arrows lead on", () => {
    const { el } = show(CHAIN);
    const stops = (): string[] => [...el.querySelectorAll<HTMLElement>(".wfj-card")].filter((c) => c.tabIndex === 0).map((c) => c.dataset["key"]!);
    expect(stops()).toEqual(["load"]);
    card(el, "load").focus();
    press(document.activeElement!, "ArrowDown");
    expect(["clean", "fit"]).toContain((document.activeElement as HTMLElement).dataset["key"]);
    expect(stops()).toEqual([(document.activeElement as HTMLElement).dataset["key"]]);
  });

  test("n goes to the failure, Enter opens, Escape closes", () => {
    const { el } = show(CHAIN);
    press(card(el, "load"), "n");
    expect(find(el, ".wfj-panel").getAttribute("aria-label")).toBe("Task clean");
    press(find(el, ".wfj-panel"), "Escape");
    expect(el.querySelector(".wfj-panel")).toBeNull();
    card(el, "fit").focus();
    press(card(el, "fit"), "Enter");
    expect(find(el, ".wfj-panel").getAttribute("aria-label")).toBe("Task fit");
  });

  test("keys that are ours do not reach the notebook, and its shortcuts are off", () => {
    const { el } = show(CHAIN);
    const heard = vi.fn();
    document.addEventListener("keydown", heard);
    for (const key of ["n", "ArrowDown", "Escape"]) press(card(el, "load"), key);
    document.removeEventListener("keydown", heard);
    expect(heard).not.toHaveBeenCalled();
    expect(find(el, ".wfj-root").dataset["lmSuppressShortcuts"]).toBe("true");
  });
});

test("the roles are those of a tree, tabs and a table, and there are no ids", () => {
  const { el } = show(CHAIN);
  expect(find(el, "[role=tree]").getAttribute("aria-label")).toBe("Tasks of w");
  expect(el.querySelectorAll("[role=tree] > [role=treeitem]")).toHaveLength(4);
  expect(el.querySelectorAll("[role=tablist] > [role=tab][aria-selected=true]")).toHaveLength(1);
  withText(el, "Table").click();
  expect(el.querySelectorAll("[role=table] [role=columnheader]")).toHaveLength(7);
  withText(el, "Timeline").click();
  expect(el.querySelectorAll("[role=listitem]")).toHaveLength(4);
  expect(el.querySelectorAll("[id]")).toHaveLength(0);
});

test("the table sorts by what a column means", () => {
  const tasks = [1.5, 10, 0.2].map((duration, i) => task(`t${i}`, "succeeded", { duration, attempts: 1 }));
  const { el } = show(tasks);
  withText(el, "Table").click();
  const keys = (): string[] =>
    [...el.querySelectorAll<HTMLElement>(".wfj-rows .wfj-row")].sort((a, b) => parseInt(a.style.top) - parseInt(b.style.top)).map((row) => row.dataset["key"]!);
  withText(el, "Duration").click();
  expect(keys()).toEqual(["t1", "t0", "t2"]);
  withText(el, "Duration").click();
  expect(keys()).toEqual(["t2", "t0", "t1"]);
});

test("a branch that was not taken says so on the card, in the table, the timeline and the panel, and names no failure", () => {
  const message = "not taken: is_big was truthy";
  const reason = { kind: "not_taken", task: "is_big", message } as const;
  const old = { kind: "upstream", type: "Skipped", message: "is_big was truthy" } as const;
  const tasks = [
    task("is_big", "succeeded"),
    task("small", "skipped", { dependencies: ["is_big"], reason }),
    task("after", "skipped", { dependencies: ["small"], reason: { ...reason, via: "small" } }),
    task("old", "skipped", { dependencies: ["is_big"], error: old }),
  ];
  const { el } = show(tasks);
  const texts = [...el.querySelectorAll(".wfj-card")].map((card) => card.textContent ?? "");
  expect(texts.filter((text) => text.includes(message))).toHaveLength(3);
  withText(el, "Table").click();
  withText(el, "Failed first").click();
  expect(find(el, ".wfj-rows .wfj-row[data-key=after]").textContent).toContain(`${message}, so small was skipped`);
  find<HTMLElement>(el, ".wfj-rows .wfj-row[data-key=after]").click();
  expect(find(el, ".wfj-panel .wfj-reason").textContent).toContain(`${message}, so small was skipped`);
  withText(el, "Show it").click();
  expect(find(el, ".wfj-panel").getAttribute("aria-label")).toBe("Task is_big");
  expect(el.textContent).not.toContain("upstream");
  const { el: other } = show(tasks);
  withText(other, "Timeline").click();
  expect(other.textContent).toContain(`${message}, so small was skipped`);
});

test("the panel offers the line of code that debugs a failed task, and runs another one again", async () => {
  const copied: string[] = [];
  vi.stubGlobal("navigator", { ...navigator, clipboard: { writeText: async (text: string) => void copied.push(text) } });
  const { el } = show([task("fit[3]", "failed", { attempts: 1 }), task("good", "succeeded", { attempts: 1 }), task("never", "skipped")]);
  const open = (key: string): void => {
    withText(el, "Table").click();
    withText(el, "Failed first").click();
    find<HTMLElement>(el, `.wfj-rows .wfj-row[data-key="${key}"]`).click();
  };
  open("fit[3]");
  expect(find(el, ".wfj-again > code").textContent).toBe('wf.get_execution("x").tasks["fit[3]"].debug()');
  withText(find(el, ".wfj-again"), "Copy").click();
  await vi.waitFor(() => expect(copied).toEqual(['wf.get_execution("x").tasks["fit[3]"].debug()']));
  open("good");
  expect(find(el, ".wfj-again > code").textContent).toBe('wf.get_execution("x").tasks["good"].call()');
  open("never");
  expect(el.querySelector(".wfj-again")).toBeNull();
  vi.unstubAllGlobals();
});

test("the table shows failed first, then what runs, then the rest, and can leave out what is done", () => {
  const statuses = ["succeeded", "pending", "running", "failed", "skipped"] as const;
  const { el } = show(statuses.map((status) => task(status, status)));
  withText(el, "Table").click();
  const rows = (): string[] =>
    [...el.querySelectorAll<HTMLElement>(".wfj-rows .wfj-row")].sort((a, b) => parseInt(a.style.top) - parseInt(b.style.top)).map((row) => row.dataset["key"]!);
  withText(el, "Failed first").click();
  expect(rows()).toEqual(["failed", "running", "skipped", "pending", "succeeded"]);
  expect(withText(el, "Failed first").getAttribute("aria-pressed")).toBe("true");
  const choice = find<HTMLSelectElement>(el, "select[aria-label=Status]");
  choice.value = "open";
  choice.dispatchEvent(new Event("change"));
  expect(rows()).toEqual(["failed", "running", "skipped", "pending"]);
  withText(el, "Failed first").click();
  expect(rows()).toEqual(["pending", "running", "failed", "skipped"]);
});

test("a graph without tasks, and one with a dependency on nothing, are shown", () => {
  expect(show([]).el.textContent).toContain("This workflow has no tasks");
  expect(card(show([task("a", "pending", { dependencies: ["ghost"] })]).el, "a")).toBeTruthy();
});

test("10,000 tasks put few elements on the page", () => {
  const tasks = Array.from({ length: 10_000 }, (_, i) => task(`t${i}`, "pending", { dependencies: i >= 500 ? [`t${i - 500}`] : [] }));
  const { el } = show(tasks);
  expect(el.querySelectorAll("*").length).toBeLessThan(1_500);
  withText(el, "Table").click();
  expect(el.querySelectorAll("*").length).toBeLessThan(1_500);
});

test("two views of one model share what they know, and the last one out leaves nothing", () => {
  const added = vi.spyOn(window, "addEventListener");
  const first = show(CHAIN);
  expect(first.el.childElementCount).toBe(1);
  first.dispose();
  first.dispose();
  vi.advanceTimersByTime(3_000);
  expect(first.el.childElementCount).toBe(0);
  expect(first.hooks.size).toBe(0);
  expect(vi.getTimerCount()).toBe(0);
  expect(added.mock.calls.filter(([, , options]) => !(options as { signal?: unknown } | undefined)?.signal)).toEqual([]);
});

test("a page without a kernel is served by the same code", () => {
  const el = document.createElement("div");
  document.body.append(el);
  const dispose = mount(el, { execution_id: "x", server_id: "", snapshot: snapshotOf(CHAIN) });
  vi.advanceTimersByTime(300);
  expect(card(el, "load")).toBeTruthy();
  expect(find(el, ".wfj-badge").textContent).toBe("saved picture");
  dispose();
  expect(el.childElementCount).toBe(0);
});
