import { describe, expect, test, vi } from "vitest";
import { task } from "./events.ts";
import { card, CHAIN, failure, find, press, show, withText, withViews } from "./shown.ts";

withViews();

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

test("what was cancelled while it waited for another try shows how long it ran, and that it waited", () => {
  const { el, tell } = show([task("upload", "pending")]);
  tell({ type: "task.started", task: "upload", attempt: 1 });
  vi.advanceTimersByTime(2_000);
  tell({ type: "task.retrying", task: "upload", attempt: 1, delay: 600, error: failure("503") });
  vi.advanceTimersByTime(8_000);
  tell({ type: "task.completed", task: "upload", attempt: 1, status: "cancelled", duration: 0 });
  expect(find(card(el, "upload"), ".wfj-texts").textContent).toBe("uploadcancelled");
  withText(el, "Timeline").click();
  expect(find(el, ".wfj-span.wfj-earlier").title).toMatch(/^try 1, ran 2\.\d s$/);
  expect(find(el, ".wfj-wait").title).toBe("waiting to try again");
  expect(el.querySelector(".wfj-around")).toBeNull();
});

test("one place tells a failure: the drawer of its map, then the panel, and each action is there once", () => {
  const items = Array.from({ length: 100 }, (_, i) => task(`m[${i}]`, i === 7 ? "failed" : "succeeded", { group: "m", attempts: 1, ...(i === 7 && { error: failure("no", "Traceback…") }) }));
  const { el } = show(items, [{ key: "m", name: "m", kind: "map", size: 100 }], { status: "failed" });
  const told = (): string[] => [...el.querySelectorAll<HTMLElement>(".wfj-foot, .wfj-item, .wfj-panel")].filter((place) => !place.hidden).map((place) => place.classList[0]!);
  const actions = (): string[] => [...el.querySelectorAll("button")].filter((b) => b.closest("[hidden]") === null).map((b) => b.textContent!).filter((words) => /^(Traceback|Retry from here)$/.test(words));
  expect(told()).toEqual(["wfj-foot"]);
  press(card(el, "m"), "n");
  vi.advanceTimersByTime(300);
  expect(told()).toEqual(["wfj-item"]);
  expect(actions()).toEqual(["Traceback", "Retry from here"]);
  withText(find(el, ".wfj-item"), "Traceback").click();
  vi.advanceTimersByTime(300);
  expect(told()).toEqual(["wfj-panel"]);
  expect(actions()).toEqual(["Retry from here"]);
  press(find(el, ".wfj-panel"), "Escape");
  expect(told()).toEqual(["wfj-item"]);
});
