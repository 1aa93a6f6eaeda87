import { describe, expect, test, vi } from "vitest";
import { mount } from "../src/widget.ts";
import { snapshotOf, task } from "./events.ts";
import { card, CHAIN, find, show, withText, withViews } from "./shown.ts";

withViews();

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
