// @vitest-environment happy-dom
import { afterEach, expect, test, vi } from "vitest";
import { renewLogin } from "../src/protocol/login.ts";

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

test("a login is renewed by a visit in a frame that runs nothing, once a minute, and never waited for without an end", async () => {
  vi.useFakeTimers();
  const frames: HTMLIFrameElement[] = [];
  vi.spyOn(document.body, "append").mockImplementation((frame) => void frames.push(frame as HTMLIFrameElement));
  const [first, beside] = [renewLogin("/hub/user/ada/wf-jupyter/"), renewLogin("/hub/user/ada/wf-jupyter/")];
  expect(frames).toHaveLength(1);
  expect(frames[0]?.getAttribute("sandbox")).toBe("allow-same-origin");
  expect(frames[0]?.hidden).toBe(true);
  frames[0]?.onload?.(new Event("load"));
  expect(await Promise.all([first, beside])).toEqual([true, true]);
  expect(await renewLogin("/")).toBe(false);
  vi.advanceTimersByTime(61_000);
  const late = renewLogin("/");
  await vi.advanceTimersByTimeAsync(16_000);
  expect(await late).toBe(true);
  expect(frames).toHaveLength(2);
});
