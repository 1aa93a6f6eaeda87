// A view of a run whose kernel is connected, with time that the test moves, and what tests look for in it.
import { afterEach, beforeEach, vi } from "vitest";
import type { GroupSnapshot, TaskSnapshot } from "../src/protocol/messages.gen.ts";
import widget from "../src/widget.ts";
import { snapshotOf, task } from "./events.ts";

type Hook = (...values: unknown[]) => void;

const WIDTH = 700;
let disposers: (() => void)[] = [];

/** To be called by each file of tests that shows views. */
export function withViews(): void {
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
}

export interface Shown {
  readonly el: HTMLElement;
  readonly tell: (...events: object[]) => void;
  readonly sent: Record<string, unknown>[];
  readonly hooks: Map<string, Hook>;
  readonly dispose: () => void;
}

/** A view of a run whose kernel is connected. */
export function show(tasks: readonly TaskSnapshot[], groups: readonly GroupSnapshot[] = [], more: object = {}): Shown {
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

export const failure = (message: string, traceback = ""): TaskSnapshot["error"] => ({ kind: "raised", type: "ValueError", message, traceback });
export const find = <E extends HTMLElement>(el: Element, selector: string): E => el.querySelector<E>(selector)!;
export const card = (el: Element, key: string): HTMLElement => [...el.querySelectorAll<HTMLElement>(".wfj-card")].find((c) => c.dataset["key"] === key)!;
export const press = (el: Element, key: string): boolean => el.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
export const withText = (el: Element, text: string): HTMLElement => [...el.querySelectorAll("button")].find((b) => b.textContent === text)!;

export const CHAIN = [
  task("load", "succeeded", { duration: 2, attempts: 1, result: { type: "DataFrame", shape: [1_240_000, 3] } }),
  task("clean", "failed", { attempts: 3, dependencies: ["load"], error: failure("14 rows with null id", "Traceback…\nValueError") }),
  task("fit", "running", { attempts: 1, started: "2026-01-01T00:00:30Z", dependencies: ["load"], progress: { done: 62, total: 100 } }),
  task("report", "pending", { dependencies: ["clean", "fit"] }),
];
