// Above and below the columns of an overview: whose tasks stand there, and how many.
import type { Overview } from "../layout/overview.ts";
import { html } from "./element.ts";
import { count } from "./format.ts";

/** Width that a name needs to be of use, and the space between two. */
const LEAST = 58;
const GAP = 6;
/** A column in which so many names stand once each has no name. */
const MANY = 4;

/** What a node of an overview stands for. */
export interface Named {
  readonly name: string;
  readonly tasks: number;
}

/** One column in words. */
export interface ColumnText {
  readonly name: string;
  readonly tasks: number;
}

/** The name of most tasks of each column, with how many other names there are; all of its tasks. */
export function columnTexts(map: Overview, named: (node: number) => Named): ColumnText[] {
  const held = Array.from({ length: map.columns }, () => new Map<string, number>());
  map.binOf.forEach((bin, node) => {
    const { name, tasks } = named(node);
    const names = held[map.columnOf[bin]!]!;
    names.set(name, (names.get(name) ?? 0) + tasks);
  });
  return held.map((names) => {
    const tasks = [...names.values()].reduce((sum, many) => sum + many, 0);
    if (names.size >= MANY && names.size === tasks) return { name: "", tasks };
    const [first = ""] = [...names].reduce((best, other) => (other[1] > best[1] ? other : best), ["", 0]);
    return { name: names.size > 1 ? `${first} +${names.size - 1}` : first, tasks };
  });
}

/** Which columns have their words shown, largest first, so that none lies over another; and how many columns wide each is. */
export function spread(texts: readonly ColumnText[], pitch: number): number[] {
  const wide = Math.max(1, Math.ceil((LEAST + GAP) / pitch));
  const taken = new Uint8Array(texts.length + wide);
  const order = [...texts.keys()].sort((a, b) => texts[b]!.tasks - texts[a]!.tasks || a - b);
  return order.filter((column) => {
    if (taken.subarray(column, column + wide).some(Boolean)) return false;
    return taken.fill(1, column, column + wide), true;
  });
}

/** The words of all columns, as elements over the canvases. */
export class ColumnNames {
  readonly element = html("div", "wfj-columns", { "aria-hidden": "true" });
  #texts: readonly ColumnText[] = [];

  load(map: Overview, named: (node: number) => Named): void {
    this.#texts = columnTexts(map, named);
  }

  /** Put them where the columns are: `left` of the first, `pitch` from one to the next, counts at `bottom`. */
  place(left: number, pitch: number, bottom: number): void {
    const width = Math.max(pitch, Math.ceil((LEAST + GAP) / pitch) * pitch) - GAP;
    this.element.replaceChildren(
      ...spread(this.#texts, pitch).flatMap((column) => {
        const { name, tasks } = this.#texts[column]!;
        const parts = [html("span", "wfj-column-name", { title: name }, name), html("span", "wfj-column-count", {}, count(tasks))];
        for (const part of parts) {
          part.style.left = `${left + column * pitch}px`;
          part.style.maxWidth = `${width}px`;
        }
        parts[1]!.style.top = `${bottom}px`;
        return parts;
      }),
    );
  }
}
