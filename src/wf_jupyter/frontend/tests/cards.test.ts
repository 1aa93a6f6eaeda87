import { describe, expect, test, vi } from "vitest";
import type { GroupSnapshot, TaskSnapshot } from "../src/protocol/messages.gen.ts";
import { task } from "./events.ts";
import { card, CHAIN, failure, find, press, show, withText, withViews } from "./shown.ts";

withViews();

describe("a task's card", () => {
  test("tells its state in words as well as by shape", () => {
    const { el } = show(CHAIN);
    expect(find(card(el, "load"), ".wfj-texts").textContent).toBe("load1.24 M rows2.0 s");
    expect(find(card(el, "clean"), ".wfj-texts").textContent).toBe("cleanValueError · try 3");
    expect(find(card(el, "fit"), ".wfj-texts").textContent).toBe("fit62 % · 19 s left");
    expect(find(card(el, "report"), ".wfj-texts").textContent).toBe("reportwaiting for 1");
    expect(find(card(el, "clean"), ".wfj-spoken").textContent).toBe("clean, failed, ValueError: 14 rows with null id");
  });

  test("tells in short what happened upstream, and the timeline in whole", () => {
    const reason = { kind: "upstream_failed", task: "clean", message: "upstream failed: clean failed" } as const;
    const { el } = show([...CHAIN, task("audit", "skipped", { dependencies: ["clean"], reason })]);
    expect(find(card(el, "audit"), ".wfj-texts").textContent).toBe("auditupstream failed");
    withText(el, "Timeline").click();
    expect(el.textContent).toContain("skipped — clean failed");
  });

  test("of a long name shows both ends", () => {
    const { el } = show([task("cycles_fertilizer_increase_output_summary", "pending")]);
    const name = find(card(el, "cycles_fertilizer_increase_output_summary"), ".wfj-name");
    expect(name.textContent).toBe("cycles_fertilizer_increase_output_summary");
    expect(find(name, ".wfj-tail").textContent).toBe("_summary");
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

describe("the keyboard", () => {
  test("one card is reached by the tab key, and the arrows lead on", () => {
    const { el } = show(CHAIN);
    const stops = (): string[] => [...el.querySelectorAll<HTMLElement>(".wfj-card")].filter((c) => c.tabIndex === 0).map((c) => c.dataset["key"]!);
    expect(stops()).toEqual(["load"]);
    card(el, "load").focus();
    press(document.activeElement!, "ArrowRight");
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
