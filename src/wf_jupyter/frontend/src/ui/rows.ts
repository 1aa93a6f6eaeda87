// A list of any length: only the rows in sight are on the page.
import { html } from "../draw/element.ts";

const SPARE = 6;

/** Rows of one height inside a scrolling box. `make` builds the row at an index. */
export class VirtualRows {
  readonly element: HTMLElement;
  readonly #space = html("div", "wfj-rows-space", { role: "presentation" });
  readonly #rows = new Map<number, HTMLElement>();
  #count = 0;

  constructor(
    className: string,
    private readonly height: number,
    private readonly make: (index: number) => HTMLElement,
    signal: AbortSignal,
  ) {
    this.element = html("div", className, { role: "rowgroup", tabindex: 0 }, this.#space);
    this.element.addEventListener("scroll", () => this.#fill(), { passive: true, signal });
  }

  /** There are `count` rows now, and all of them may have changed. */
  show(count: number): void {
    this.#count = count;
    this.#space.style.height = `${count * this.height}px`;
    for (const row of this.#rows.values()) row.remove();
    this.#rows.clear();
    this.#fill();
  }

  /** Build one row again, if it is in sight. */
  renew(index: number): void {
    const old = this.#rows.get(index);
    if (old === undefined) return;
    const fresh = this.#build(index);
    old.replaceWith(fresh);
    this.#rows.set(index, fresh);
  }

  /** Build every row in sight again. */
  renewAll(): void {
    for (const index of [...this.#rows.keys()]) this.renew(index);
  }

  #fill(): void {
    const { scrollTop, clientHeight } = this.element;
    const first = Math.max(0, Math.floor(scrollTop / this.height) - SPARE);
    const last = Math.min(this.#count, Math.ceil((scrollTop + (clientHeight || 400)) / this.height) + SPARE);
    for (const [index, row] of this.#rows) {
      if (index >= first && index < last) continue;
      row.remove();
      this.#rows.delete(index);
    }
    for (let index = first; index < last; index++) {
      if (this.#rows.has(index)) continue;
      const row = this.#build(index);
      this.#rows.set(index, row);
      this.#space.append(row);
    }
  }

  #build(index: number): HTMLElement {
    const row = this.make(index);
    row.style.top = `${index * this.height}px`;
    row.style.height = `${this.height}px`;
    return row;
  }
}
