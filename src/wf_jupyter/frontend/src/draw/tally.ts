// Counts by status, as numbers with their shapes and as one stacked bar.
import { FAILED, PENDING, RETRYING, STATUSES, statusName, SUCCEEDED, CACHED } from "../fold/statuses.ts";
import { html, setText } from "./element.ts";
import { icon } from "./icons.ts";
import { count } from "./format.ts";

/** A row of counts; those that are zero are left out. `words` spells the statuses out. */
export class Tally {
  readonly element: HTMLElement;
  readonly #items: { element: HTMLElement; number: HTMLElement }[] = [];

  constructor(className: string, words: boolean, press?: (status: number) => void) {
    this.element = html("div", className);
    for (let status = 0; status < STATUSES.length; status++) {
      const number = html("b");
      const word = words ? html("span", "", {}, ` ${statusName(status)}`) : null;
      const attributes = { title: words ? null : statusName(status) };
      const element = press
        ? html("button", "wfj-count", { type: "button", title: `Show the ${statusName(status)} tasks in the table` })
        : html("span", "wfj-count", attributes);
      if (press) element.addEventListener("click", () => press(status));
      element.append(icon(status), number, ...(word ? [word] : []));
      element.hidden = true;
      this.#items.push({ element, number });
      this.element.append(element);
    }
  }

  show(counts: ArrayLike<number>): void {
    this.#items.forEach(({ element, number }, status) => {
      const value = counts[status] ?? 0;
      element.hidden = value === 0;
      if (value > 0) setText(number, count(value));
    });
  }
}

/** The stacked bar: one segment per status that occurs, never thinner than 3 px; pending is the track. */
export class StackedBar {
  readonly element = html("div", "wfj-stack", { role: "progressbar", "aria-valuemin": 0, "aria-valuemax": 100 });
  readonly #segments = STATUSES.map((_, status) => {
    const segment = html("i", `wfj-s-${statusName(status)}`);
    segment.hidden = true;
    return segment;
  });

  constructor(label: string) {
    this.element.setAttribute("aria-label", label);
    this.element.append(...this.#segments);
  }

  show(counts: ArrayLike<number>): void {
    let all = 0;
    for (let status = 0; status < STATUSES.length; status++) all += counts[status] ?? 0;
    this.#segments.forEach((segment, status) => {
      const value = counts[status] ?? 0;
      segment.hidden = value === 0;
      if (value > 0) segment.style.flexGrow = String(value);
    });
    const open = (counts[PENDING] ?? 0) + (counts[RETRYING] ?? 0) + (counts[2] ?? 0);
    const percent = all === 0 ? 0 : Math.floor(((all - open) / all) * 100);
    this.element.setAttribute("aria-valuenow", String(percent));
    const good = (counts[SUCCEEDED] ?? 0) + (counts[CACHED] ?? 0);
    this.element.setAttribute("aria-valuetext", `${good} of ${all} done, ${counts[FAILED] ?? 0} failed`);
  }
}
