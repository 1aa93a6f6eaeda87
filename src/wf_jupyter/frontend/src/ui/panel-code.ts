// The line of Python that looks at a task where its author is, with a button that copies it.
import type { Run } from "../fold/run.ts";
import { CANCELLED, FAILED, hasValue, RETRYING } from "../fold/statuses.ts";
import { button, html } from "../draw/element.ts";
import { copyText, taskCode } from "./clipboard.ts";

/** What runs the task again in a notebook: under the debugger when it did not succeed; null when it was never called. */
export function codeToRunAgain(run: Run, row: number, key: string): string | null {
  const status = run.tasks.status[row]!;
  if (hasValue(status)) return `${taskCode(run.id, key)}.call()`;
  const wasCalled = run.tasks.attempts[row]! > 0;
  return wasCalled && [FAILED, RETRYING, CANCELLED].includes(status) ? `${taskCode(run.id, key)}.debug()` : null;
}

/** The section that offers that line. */
export function codeSection(code: string): readonly HTMLElement[] {
  const text = html("code", "", {}, code);
  const copy = button("Copy", "wfj-action", () => {
    copyText(code).then(
      () => (copy.textContent = "Copied"),
      (error: unknown) => (copy.textContent = error instanceof Error ? error.message : "not copied"),
    );
  }, "Copy the line of code");
  const caption = code.endsWith(".debug()") ? "Debug it in a notebook, with the values it had" : "Run it again in a notebook, with the values it had";
  return [html("h4", "wfj-caption", {}, caption), html("p", "wfj-again", {}, text, " ", copy)];
}
