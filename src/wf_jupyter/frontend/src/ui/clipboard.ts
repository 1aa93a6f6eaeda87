// Python that finds a task again, and the way of text to the clipboard.
import { html } from "../draw/element.ts";

/** `wf.get_execution("…").tasks["fit[3]"]`: JSON's texts are Python's. */
export function taskCode(execution: string, key: string): string {
  return `wf.get_execution(${JSON.stringify(execution)}).tasks[${JSON.stringify(key)}]`;
}

/** Put text on the clipboard; where a page may not, through a field that is selected. */
export async function copyText(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const field = html("textarea", "wfj-unseen", { "aria-hidden": "true" });
    field.value = text;
    document.body.append(field);
    field.select();
    const copied = document.execCommand("copy");
    field.remove();
    if (!copied) throw new Error("this page may not use the clipboard");
  }
}

/**
 * A text as one cell of tab-separated text. What a spreadsheet would compute, or take for the beginning of
 * a quoted cell, is marked as text: names and errors are written by others than those who paste them.
 */
export function sheetCell(text: string): string {
  const flat = text.replace(/[\t\r\n\v\f\0]+/g, " ").trim();
  const isNumber = /^[+-]?\d+(\.\d+)?$/.test(flat);
  return !isNumber && /^[=+\-@"'|%\uFF0B\uFF0D\uFF1D\uFF20]/.test(flat) ? `'${flat}` : flat;
}
