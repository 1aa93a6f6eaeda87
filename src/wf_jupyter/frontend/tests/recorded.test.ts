import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { replay } from "../src/widget.ts";

let dispose: (() => void) | null = null;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "requestAnimationFrame", "cancelAnimationFrame", "Date", "performance"] });
  // a reader whose clock is a day ahead
  vi.setSystemTime(Date.UTC(2026, 0, 2));
  vi.spyOn(HTMLElement.prototype, "clientWidth", "get").mockReturnValue(700);
});
afterEach(() => {
  dispose?.();
  dispose = null;
  document.body.replaceChildren();
  vi.advanceTimersByTime(5_000);
  expect(vi.getTimerCount()).toBe(0);
  vi.restoreAllMocks();
  vi.useRealTimers();
});

const at = (second: number): string => new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString();

function show(tab = "graph", ...more: object[]): HTMLElement {
  const el = document.createElement("div");
  document.body.append(el);
  const told = [
    { type: "workflow.started", workflow: "w", inputs: { n: "3" } },
    { type: "tasks.added", tasks: [{ key: "a", name: "a" }, { key: "b", name: "b", dependencies: ["a"] }] },
    { type: "task.started", task: "a", attempt: 1 },
    { type: "task.log", task: "a", attempt: 1, stream: "stdout", text: "hello\n" },
    { type: "task.retrying", task: "a", attempt: 1, delay: 1, error: { kind: "raised", type: "E", message: "no" } },
    { type: "task.started", task: "a", attempt: 2 },
    { type: "task.levitated", task: "a", height: 3 },
    { type: "task.completed", task: "a", attempt: 2, status: "succeeded", duration: 1 },
    { type: "task.started", task: "b", attempt: 1 },
    { type: "task.completed", task: "nobody", attempt: 1, status: "failed" },
    { type: "task.completed", task: "b", attempt: 1, status: "succeeded", duration: 2 },
    { type: "workflow.completed", status: "succeeded", duration: 11 },
    ...more,
  ].map((event, i) => ({ seq: i + 1, time: at(i), ...event }));
  dispose = replay(el, { execution_id: "x", workflow: "w", epoch: "e", created: at(0), events: told, tab });
  vi.advanceTimersByTime(300);
  return el;
}

const status = (el: HTMLElement): string | undefined => el.querySelector<HTMLElement>(".wfj-root")!.dataset["status"];
const drag = (el: HTMLElement, ms: number): void => {
  const slider = el.querySelector<HTMLInputElement>(".wfj-slider")!;
  slider.value = String(ms);
  slider.dispatchEvent(new Event("input"));
  vi.advanceTimersByTime(300);
};
const openReplay = async (el: HTMLElement): Promise<void> => {
  el.querySelector<HTMLButtonElement>(".wfj-tool")!.click();
  await vi.advanceTimersByTimeAsync(1);
  el.querySelector<HTMLButtonElement>(".wfj-play")!.click(); // hold
};

describe("a recording", () => {
  test("shows the end first, with times of the run and not of the reader", () => {
    const el = show();
    expect(status(el)).toBe("succeeded");
    expect(el.querySelector(".wfj-elapsed")!.textContent).toBe("11 s");
    expect(el.querySelector(".wfj-badge")!.hasAttribute("hidden")).toBe(true);
  });

  test("goes to any moment, in graph and timeline alike", async () => {
    const el = show("timeline");
    await openReplay(el);
    drag(el, 2_500);
    expect(status(el)).toBe("running");
    const rows = (): string[] => [...el.querySelectorAll<HTMLElement>(".wfj-lane-row")].map((row) => `${row.dataset["key"]} ${row.dataset["status"]}`);
    expect(rows()).toEqual(["a running", "b pending"]);
    expect(el.querySelector(".wfj-now-label")!.textContent).toBe("0:02");
    drag(el, 4_500);
    expect(rows()).toEqual(["a retrying", "b pending"]);
    drag(el, 9_500);
    expect(rows()).toEqual(["a succeeded", "b running"]);
    expect(el.querySelectorAll(".wfj-lane-row")[0]!.querySelectorAll(".wfj-span:not(.wfj-around)")).toHaveLength(2);
    drag(el, 500);
    expect(rows()).toEqual([]);
    drag(el, 11_000);
    expect(status(el)).toBe("succeeded");
  });

  test("shows of a log only what had been printed", async () => {
    const el = show("table");
    el.querySelector<HTMLElement>(".wfj-row .wfj-link")!.click();
    await vi.advanceTimersByTimeAsync(200);
    expect(el.querySelector(".wfj-panel .wfj-note")!.textContent).toBe("This try printed nothing.");
    el.querySelector<HTMLButtonElement>(".wfj-log-bar .wfj-tab")!.click();
    await vi.advanceTimersByTimeAsync(200);
    expect(el.querySelector(".wfj-panel .wfj-log")!.textContent).toBe("hello\n");
    await openReplay(el);
    drag(el, 2_500);
    await vi.advanceTimersByTimeAsync(200);
    expect(el.querySelector(".wfj-panel .wfj-log")?.textContent ?? "").toBe("");
    drag(el, 3_500);
    await vi.advanceTimersByTimeAsync(200);
    expect(el.querySelector(".wfj-panel .wfj-log")!.textContent).toBe("hello\n");
  });

  test("plays at the speed that was chosen, and stops at the end", async () => {
    const el = show();
    await openReplay(el);
    drag(el, 1);
    [...el.querySelectorAll<HTMLButtonElement>(".wfj-replay .wfj-tab")].find((made) => made.textContent === "10×")!.click();
    el.querySelector<HTMLButtonElement>(".wfj-play")!.click();
    await vi.advanceTimersByTimeAsync(500);
    const at500 = Number(el.querySelector<HTMLInputElement>(".wfj-slider")!.value);
    expect(at500).toBeGreaterThan(3_500);
    expect(at500).toBeLessThan(6_500);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(status(el)).toBe("succeeded");
    expect(el.querySelector(".wfj-play")!.getAttribute("aria-label")).toBe("Play");
  });

  test("offers nothing that would need a server", () => {
    const el = show("graph", { type: "workflow.retried", tasks: ["b"] });
    expect(el.querySelector(".wfj-root")!.classList.contains("wfj-still")).toBe(true);
    expect(status(el)).toBe("running");
  });
});
