// In which order the rows of the list stand: by a column, whose head is pressed.
import { html } from "../draw/element.ts";
import type { Summary } from "../protocol/messages.gen.ts";
import type { Row } from "./row.ts";

type Value = (summary: Summary) => string | number;

/** What each column is ordered by, and whether the largest come first at its first press. */
const COLUMNS: readonly (readonly [name: string, value: Value, descending: boolean])[] = [
  ["Workflow", ({ workflow }) => workflow, false],
  ["Status", ({ status }) => status, false],
  ["Tasks", ({ counts = {} }) => Object.values(counts).reduce((sum, count) => sum + count, 0), true],
  ["Started", ({ id }) => id, true],
  ["Duration", ({ created, ended }) => (ended ? Date.parse(ended) : Date.now()) - Date.parse(created), true],
  ["Owner", ({ owner }) => owner ?? "", false],
];
/** The newest first. */
const USUAL = 3;

export class Order {
  readonly heads: readonly HTMLElement[];
  #column = USUAL;
  #descending = true;

  /** `changed` is called when a person chose another one. */
  constructor(changed: () => void) {
    this.heads = COLUMNS.map(([name, , descending], column) => {
      const press = html("button", "", { type: "button" }, name);
      press.addEventListener("click", () => {
        this.#descending = column === this.#column ? !this.#descending : descending;
        this.#column = column;
        this.#show();
        changed();
      });
      return html("th", "", { scope: "col" }, press);
    });
    this.#show();
  }

  /** Rows in their order; of equal ones the newest first. */
  sorted(rows: Iterable<Row>): Row[] {
    const value = COLUMNS[this.#column]![1];
    const sign = this.#descending ? -1 : 1;
    const keyed = [...rows].map((row) => ({ row, key: value(row.summary), id: row.summary.id }));
    keyed.sort((a, b) => sign * compared(a.key, b.key) || compared(b.id, a.id));
    return keyed.map(({ row }) => row);
  }

  #show(): void {
    this.heads.forEach((head, column) => {
      head.ariaSort = column !== this.#column ? "none" : this.#descending ? "descending" : "ascending";
    });
  }
}

function compared(a: string | number, b: string | number): number {
  return typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
}
