// Find a task by a part of its key. Results are buttons: they need no ids and every screen reader knows them.
import type { Run } from "../fold/run.ts";
import { button, html, setText } from "./element.ts";
import { icon } from "./icons.ts";
import { count } from "./format.ts";

const MOST = 8;

/** The search box of a graph. */
export class Finder {
  readonly element = html("div", "wfj-finder", { hidden: true });
  readonly #input = html("input", "wfj-search", { type: "search", placeholder: "Find a task", "aria-label": "Find a task", spellcheck: "false" });
  readonly #results = html("div", "wfj-results", { role: "group", "aria-label": "Found tasks" });
  readonly #said = html("div", "wfj-unseen", { role: "status" });

  /** `choose` is given the key of the task or group that was meant; `leave` is called when the box closes. */
  constructor(
    private readonly run: Run,
    private readonly choose: (key: string) => void,
    private readonly leave: () => void,
  ) {
    this.element.append(this.#results, this.#input, this.#said);
    this.#input.addEventListener("input", () => this.#show());
    this.element.addEventListener("keydown", (event) => this.#key(event));
  }

  /** Show the box and type into it. */
  open(): void {
    this.element.hidden = false;
    this.#input.focus();
    this.#input.select();
    this.#show();
  }

  close(): void {
    if (this.element.hidden) return;
    this.element.hidden = true;
    this.leave();
  }

  #show(): void {
    const wanted = this.#input.value.trim().toLowerCase();
    const [keys, all] = wanted === "" ? [[], 0] : this.#find(wanted);
    this.#results.replaceChildren(...keys.map((key) => this.#result(key)));
    if (all > keys.length) this.#results.append(html("div", "wfj-dim wfj-more", {}, `and ${count(all - keys.length)} more`));
    setText(this.#said, wanted === "" ? "" : `${count(all)} found`);
    if (wanted !== "" && all === 0) this.#results.append(html("div", "wfj-dim wfj-more", {}, "Nothing found"));
  }

  /** The first matches, those that begin with the text before others, and how many there are. */
  #find(wanted: string): [string[], number] {
    const { tasks, groupRows } = this.run;
    const first: string[] = [];
    const rest: string[] = [];
    let all = 0;
    const consider = (key: string): void => {
      const at = key.toLowerCase().indexOf(wanted);
      if (at < 0) return;
      all++;
      const list = at === 0 ? first : rest;
      if (list.length < MOST) list.push(key);
    };
    for (const key of groupRows.keys()) consider(key);
    for (let row = 0; row < tasks.length; row++) {
      const key = tasks.keys[row]!;
      if (!tasks.removed[row] && !groupRows.has(key)) consider(key);
    }
    return [[...first, ...rest].slice(0, MOST), all];
  }

  #result(key: string): HTMLElement {
    const row = this.run.rows.get(key);
    const made = button("", "wfj-result", () => this.choose(key));
    made.append(icon(row === undefined ? -1 : this.run.tasks.status[row]!), html("span", "wfj-name", {}, key));
    made.title = key;
    return made;
  }

  #key(event: KeyboardEvent): void {
    const buttons = [...this.#results.querySelectorAll("button")];
    const at = buttons.indexOf(event.target as HTMLButtonElement);
    if (event.key === "Escape") this.close();
    else if (event.key === "Enter" && at < 0) buttons[0]?.click();
    else if (event.key === "ArrowUp") (at < 0 ? buttons.at(-1) : at === 0 ? this.#input : buttons[at - 1])?.focus();
    else if (event.key === "ArrowDown") (at < 0 ? buttons[0] : (buttons[at + 1] ?? this.#input))?.focus();
    else {
      event.stopPropagation();
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }
}
