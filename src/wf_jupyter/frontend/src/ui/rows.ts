// A list of any length: only the rows in sight are on the page.
import { html } from "../draw/element.ts";

const SPARE = 6;

/** Rows inside a scrolling box. `make` builds the row at an index; `heightOf` tells its height, the same until `show`. */
export class VirtualRows {
  readonly element: HTMLElement;
  readonly space = html("div", "wfj-rows-space", { role: "presentation" });
  readonly #rows = new Map<number, HTMLElement>();
  #tops = new Float64Array(1);
  #count = 0;

  constructor(
    className: string,
    private readonly heightOf: (index: number) => number,
    private readonly make: (index: number) => HTMLElement,
    signal: AbortSignal,
  ) {
    this.element = html("div", className, { role: "rowgroup", tabindex: 0 }, this.space);
    this.element.addEventListener("scroll", () => this.#fill(), { passive: true, signal });
  }

  /** There are `count` rows now, and all of them may have changed. */
  show(count: number): void {
    this.#count = count;
    this.#tops = new Float64Array(count + 1);
    for (let i = 0; i < count; i++) this.#tops[i + 1] = this.#tops[i]! + this.heightOf(i);
    this.space.style.height = `${this.total}px`;
    for (const row of this.#rows.values()) row.remove();
    this.#rows.clear();
    this.#fill();
  }

  /** Height of all rows. */
  get total(): number {
    return this.#tops[this.#count]!;
  }

  /** Where the row begins, in pixels from the top of the first. */
  top(index: number): number {
    return this.#tops[index]!;
  }

  /** Scroll until the row is in sight. */
  reveal(index: number): void {
    const { scrollTop, clientHeight } = this.element;
    const [top, bottom] = [this.#tops[index]!, this.#tops[index + 1]!];
    if (top < scrollTop) this.element.scrollTop = top;
    else if (bottom > scrollTop + clientHeight) this.element.scrollTop = bottom - clientHeight;
    this.#fill();
  }

  /** The row's element, if it is in sight. */
  at(index: number): HTMLElement | undefined {
    return this.#rows.get(index);
  }

  /** Build one row again, if it is in sight; the focus stays where it is. */
  renew(index: number): void {
    const old = this.#rows.get(index);
    if (old === undefined) return;
    const fresh = this.#build(index);
    const focused = old.contains(document.activeElement) ? document.activeElement!.className : null;
    old.replaceWith(fresh);
    this.#rows.set(index, fresh);
    if (focused === null) return;
    const again = [...fresh.querySelectorAll<HTMLElement>("*")].find((element) => element.className === focused);
    again?.focus({ preventScroll: true });
  }

  /** Build every row in sight again. */
  renewAll(): void {
    for (const index of [...this.#rows.keys()]) this.renew(index);
  }

  #fill(): void {
    const { scrollTop, clientHeight } = this.element;
    const first = Math.max(0, this.#indexAt(scrollTop) - SPARE);
    const last = Math.min(this.#count, this.#indexAt(scrollTop + (clientHeight || 400)) + 1 + SPARE);
    for (const [index, row] of this.#rows) {
      if (index >= first && index < last) continue;
      row.remove();
      this.#rows.delete(index);
    }
    for (let index = first; index < last; index++) {
      if (this.#rows.has(index)) continue;
      const row = this.#build(index);
      this.#rows.set(index, row);
      this.space.append(row);
    }
  }

  /** The index of the row that covers a height. */
  #indexAt(y: number): number {
    let low = 0;
    let high = this.#count;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#tops[middle + 1]! <= y) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #build(index: number): HTMLElement {
    const row = this.make(index);
    row.style.top = `${this.#tops[index]!}px`;
    row.style.height = `${this.#tops[index + 1]! - this.#tops[index]!}px`;
    return row;
  }
}
