// A mapped task or sub-workflow as one card: heat strip, stacked bar, counts; small maps open in place.
import type { Run } from "../fold/run.ts";
import { RUNNING, statusName } from "../fold/statuses.ts";
import { setName } from "./card.ts";
import { button, html, setAttribute, setText } from "./element.ts";
import { groupFacts, taskFacts } from "./facts.ts";
import { changed, icon } from "./icons.ts";
import type { Palette } from "./palette.ts";
import { bins, paintStrip } from "./strip.ts";
import { StackedBar, Tally } from "./tally.ts";
import { count, rate } from "./format.ts";

export const GROUP_WIDTH = 236;
export const GROUP_HEIGHT = 88;
/** Maps up to this size open inside their card. */
export const OPEN_IN_PLACE = 64;

const RATE_MS = 10_000;
const PER_ROW = 16;
const TILE = 13;
const STRIP_WIDTH = 212;
const STRIP_HEIGHT = 15;

/** Height of the card of a group, open or not. */
export function groupHeight(size: number, open: boolean): number {
  return GROUP_HEIGHT + (open ? Math.ceil(size / PER_ROW) * TILE + 7 : 0);
}

/** What a group card reports. */
export interface GroupActions {
  toggle(key: string): void;
  open(key: string): void;
}

/** The card of a group; `show` changes only what differs. */
export class GroupCard {
  readonly element: HTMLElement;
  readonly #name = html("span", "wfj-name");
  readonly #chip = html("span", "wfj-chip");
  readonly #strip = html("canvas", "wfj-strip", { "aria-hidden": "true" });
  readonly #bar: StackedBar;
  readonly #tally = new Tally("wfj-tally", false);
  readonly #note = html("span", "wfj-detail");
  readonly #toggle: HTMLButtonElement;
  readonly #tiles = html("div", "wfj-tiles", { role: "group", hidden: true });
  readonly #rate = html("span", "wfj-rate", { hidden: true, title: "tasks that ended per second, lately" });
  #rated = 0;
  readonly #spoken = html("span", "wfj-spoken");
  #icon = icon(-1);
  #status = -1;

  constructor(
    readonly key: string,
    private readonly actions: GroupActions,
  ) {
    this.#bar = new StackedBar(`progress of ${key}`);
    this.#toggle = button("", "wfj-toggle", () => actions.toggle(key), `Show the tasks of ${key}`);
    this.#toggle.tabIndex = -1;
    this.#tally.element.append(this.#rate);
    const head = html("span", "wfj-group-head", {}, this.#icon, this.#name, this.#chip, this.#toggle);
    const body = [this.#strip, this.#bar.element, this.#tally.element, this.#note, this.#tiles];
    this.element = html("div", "wfj-card wfj-group", { role: "treeitem", tabindex: -1, title: key }, this.#spoken, head, ...body);
    this.element.dataset["key"] = key;
    // one unseen sentence says all of this
    for (const part of [this.#name, this.#chip, this.#tally.element, this.#note]) part.setAttribute("aria-hidden", "true");
  }

  show(run: Run, index: number, palette: Palette, open: boolean, now: number): void {
    const group = run.groups[index]!;
    const facts = groupFacts(group);
    if (facts.status !== this.#status) {
      this.#status = facts.status;
      this.#icon = changed(this.element, this.#icon, facts.status);
    }
    const all = group.counts.reduce((sum, n) => sum + n, 0);
    setName(this.#name, facts.name, 14);
    setText(this.#chip, group.loop === "chain" ? `${count(all)} in a row` : group.kind === "map" ? (group.size === null ? "× ?" : `× ${count(group.size)}`) : `${count(all)} tasks`);
    setText(this.#note, facts.detail);
    this.#note.hidden = facts.detail === "";
    this.#strip.hidden = this.#bar.element.hidden = this.#tally.element.hidden = facts.detail !== "";
    this.#bar.show(group.counts);
    this.#tally.show(group.counts);
    this.#showRate(run, index, now);
    setText(this.#spoken, facts.spoken);
    setAttribute(this.element, "aria-expanded", String(open));
    this.#toggle.classList.toggle("wfj-open", open);
    this.#toggle.hidden = all === 0;
    if (all > 0) this.#paint(run, index, all, palette);
    this.#tiles.hidden = !(open && group.kind === "map" && all <= OPEN_IN_PLACE);
    if (!this.#tiles.hidden) this.#showTiles(run, index);
  }

  /** How many end per second, over the last ten: looked up at most once a second. */
  #showRate(run: Run, index: number, now: number): void {
    if (Math.abs(now - this.#rated) < 1_000) return;
    this.#rated = now;
    const ended = run.groups[index]!.counts[RUNNING] === 0 ? 0 : endedSince(run, membersOf(run, index), now - RATE_MS);
    const shown = run.groups[index]!.counts.reduce((n, many) => n + Number(many > 0), 0);
    const text = ended < 2 || shown > 4 ? "" : `${rate(ended / (RATE_MS / 1_000))}/s`;
    setText(this.#rate, text);
    this.#rate.hidden = text === "";
  }

  #paint(run: Run, index: number, all: number, palette: Palette): void {
    const scale = Math.min(2, Math.ceil(devicePixelRatio || 1));
    if (this.#strip.width !== STRIP_WIDTH * scale) {
      this.#strip.width = STRIP_WIDTH * scale;
      this.#strip.height = STRIP_HEIGHT * scale;
    }
    paintStrip(this.#strip, bins(run, membersOf(run, index), all), palette, scale);
  }

  #showTiles(run: Run, index: number): void {
    const rows = membersOf(run, index);
    while (this.#tiles.childElementCount > rows.length) this.#tiles.lastElementChild?.remove();
    rows.forEach((row, i) => {
      const key = run.tasks.keys[row]!;
      let tile = this.#tiles.children[i] as HTMLButtonElement | undefined;
      if (tile === undefined || tile.dataset["open"] !== key) {
        const fresh = button("", "wfj-tile", () => this.actions.open(key));
        fresh.dataset["open"] = key;
        fresh.tabIndex = -1;
        if (tile === undefined) this.#tiles.append(fresh);
        else tile.replaceWith(fresh);
        tile = fresh;
      }
      const status = statusName(run.tasks.status[row]!);
      if (tile.dataset["status"] === status) return;
      tile.dataset["status"] = status;
      const { spoken } = taskFacts(run, row, Number.NaN);
      setAttribute(tile, "aria-label", spoken);
      tile.title = spoken;
    });
  }
}

function endedSince(run: Run, rows: readonly number[], since: number): number {
  return rows.reduce((n, row) => n + Number(run.tasks.ended[row]! > since), 0);
}

/** Rows of all tasks inside a group, at any depth, in order of declaration. */
export function membersOf(run: Run, index: number): readonly number[] {
  const inner = run.groups.flatMap((group, g) => (group.parent === index ? [g] : []));
  const own = run.groups[index]!.members;
  if (inner.length === 0) return own;
  return [...own, ...inner.flatMap((g) => membersOf(run, g))].sort((a, b) => a - b);
}
