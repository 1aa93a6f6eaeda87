// The controls of a graph, in a strip below it, where they cover no card: find and filter, a line of words, zoom.
import { button, html, setAttribute, setText } from "./element.ts";
import type { Filter } from "./choice.ts";

const FILTERS: readonly (readonly [Filter, string])[] = [
  ["all", "All tasks"],
  ["failed", "Failed first"],
  ["open", "Hide finished"],
  ["problems", "Failed only"],
];
/** Graphs with fewer nodes are taken in at a glance. */
const FEW = 12;

/** What the controls ask for. */
export interface ToolActions {
  tidy(): void;
  zoom(direction: 1 | -1): void;
  fit(): void;
  find(): void;
  filter(filter: Filter): void;
  /** Show only the chosen task with its kin, or all again. */
  focus(): void;
}

/** The controls. */
export class Tools {
  readonly zoom = html("div", "wfj-zoom", { role: "group", "aria-label": "Zoom" });
  readonly left = html("div", "wfj-zoom wfj-tools", { role: "group", "aria-label": "Find and filter" });
  readonly strip: HTMLElement;
  readonly line = html("div", "wfj-line", { hidden: true });
  readonly percent = html("span", "wfj-percent");
  readonly #tidy: HTMLButtonElement;
  readonly #focus: HTMLButtonElement;
  readonly #select = html("select", "wfj-filter", { "aria-label": "Tasks to show" });
  readonly #words = html("span");
  readonly #hint = html("span", "wfj-hint");
  readonly #all: HTMLButtonElement;

  constructor(actions: ToolActions) {
    const make = (label: string, text: string, act: () => void): HTMLButtonElement => button(text, "wfj-zoom-button", act, label);
    this.#tidy = make("Lay the graph out again", "Tidy up", () => actions.tidy());
    this.#focus = make("Show only the chosen task, what it needs and what needs it (o)", "Focus", () => actions.focus());
    this.#all = button("Show all", "wfj-action", () => actions.filter("all"));
    this.zoom.append(
      this.#tidy,
      make("Zoom out", "−", () => actions.zoom(-1)),
      this.percent,
      make("Zoom in", "+", () => actions.zoom(1)),
      make("Fit the graph", "Fit", () => actions.fit()),
    );
    this.#select.append(...FILTERS.map(([value, text]) => html("option", "", { value }, text)));
    this.#select.addEventListener("change", () => actions.filter(this.#select.value as Filter));
    this.left.append(make("Find a task (/)", "Find", () => actions.find()), this.#select, this.#focus);
    this.line.append(this.#words, this.#hint, this.#all);
    this.strip = html("div", "wfj-strip-bar", {}, this.left, this.line, this.zoom);
  }

  /** Show what applies now; `line` is what is drawn in words, when that is not simply everything. */
  show(state: {
    readonly nodes: number;
    readonly inserted: number;
    readonly filter: Filter;
    readonly focused: boolean;
    readonly chosen: boolean;
    readonly line: string;
    readonly hint: string;
  }): void {
    this.#tidy.hidden = state.inserted === 0;
    this.left.hidden = state.nodes <= FEW && state.filter === "all" && !state.focused;
    this.#focus.disabled = !state.chosen && !state.focused;
    setAttribute(this.#focus, "aria-pressed", String(state.focused));
    this.#select.value = state.filter;
    this.line.hidden = state.line === "";
    setText(this.#words, state.line);
    setText(this.#hint, state.hint);
    this.#all.hidden = state.filter === "all" && !state.focused;
  }
}
