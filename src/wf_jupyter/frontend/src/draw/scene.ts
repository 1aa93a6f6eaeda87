// The drawing without its elements: which nodes there are, how large, and where they lie.
import type { Run } from "../fold/run.ts";
import { Background, LARGE } from "../layout/background.ts";
import { drawn, type Drawn } from "../layout/visible-graph.ts";
import { Layout } from "../layout/layout.ts";
import type { Sketch } from "../layout/layers.ts";
import { overview, type Overview } from "../layout/overview.ts";
import { ranks, type Plan } from "../layout/plan.ts";
import { subset } from "../layout/subset.ts";
import { CARD_HEIGHT, cardWidth, NARROWEST } from "./card.ts";
import { label } from "./facts.ts";
import { GROUP_HEIGHT, GROUP_WIDTH, groupHeight, OPEN_IN_PLACE } from "./group.ts";
import type { Region } from "./canvas-region.ts";
import type { Box } from "./viewport.ts";
import { Ways } from "./edge-routes.ts";

/** Sub-workflows of so many tasks and groups open inside their card. */
const OPEN_INSIDE = 12;
/** Space between the inside of a card and its border. */
export const INSIDE_PAD = 14;

/** Graphs up to this size are laid out once more for the sake of their texts. */
const FEW = 250;

/** Lines at the border of the drawing have a width. */
const EDGE = 8;

/** What became of the drawing: `grown` by nodes at the end, or all `new`. */
export type Rebuilt = "grown" | "new";

/** Which nodes of the whole are drawn. */
export type Keep = (whole: Drawn) => ReadonlySet<number> | readonly number[];

const NOTHING: Drawn = { nodes: [], sources: [], targets: [], of: () => undefined };

/** Nodes, sizes and places of one scope of a run, which flows from left to right as still pictures and the overview do. */
export class Scene {
  graph: Drawn = NOTHING;
  /** All of the scope, whatever is kept. */
  whole: Drawn = NOTHING;
  /** The least width of cards that one wishes for, and how wide the whole may be for that. */
  wish = { card: NARROWEST, whole: 0 };
  #narrowest = NARROWEST;
  /** Keys of groups that are open in their card. */
  readonly #open = new Set<string>();
  /** Four numbers per node: left, top, width, height. */
  boxes = new Float32Array(0);
  #keep: Keep | null = null;
  #layout: Layout | null = null;
  #across: number[] = [];
  #along: number[] = [];
  #room = 0;
  #begun = false;
  readonly #background = new Background();
  readonly #inner = new Map<string, Scene>();

  /** `placed` is called when nodes of a large graph have found their places. */
  constructor(
    private readonly run: Run,
    private readonly scope: string | null,
    private readonly placed: () => void,
  ) {}

  /** Whether nothing was drawn yet. */
  get isEmpty(): boolean {
    return !this.#begun;
  }

  /** Whether all nodes have places. */
  get isPlaced(): boolean {
    return this.#layout !== null;
  }

  /** Nodes that were placed since everything was laid out. */
  get inserted(): number {
    return this.#layout?.inserted ?? 0;
  }

  get width(): number {
    return this.#layout?.length ?? 0;
  }

  get height(): number {
    return this.#layout?.width ?? 0;
  }

  /**
   * Follow the run after tasks or groups came or went. Nodes that were drawn keep their index unless
   * the answer is `new`; `remade` is told of each whose kind of card has changed.
   */
  rebuild(room: number, remade: (node: number) => void): Rebuilt {
    const scope = this.scope === null ? -1 : (this.run.groupRows.get(this.scope) ?? -1);
    const before = this.graph;
    this.whole = drawn(this.run, scope, this.whole.nodes);
    this.graph = this.#keep === null ? this.whole : subset(this.whole, this.#keep(this.whole));
    const sizes = { across: this.#across, along: this.#along };
    const kept = before.nodes.length > 0 && before.nodes.every(({ key }, i) => this.graph.nodes[i]?.key === key);
    this.#measure();
    if (kept && this.#background.isBusy) return "grown";
    if (kept && this.#grow(before, sizes, remade)) return "grown";
    this.arrange(room);
    return kept ? "grown" : "new";
  }

  /** Draw only a part of the nodes; null for all. */
  keep(keep: Keep | null, room: number): void {
    this.#keep = keep;
    this.graph = keep === null ? this.whole : subset(this.whole, keep(this.whole));
    this.arrange(room);
  }

  /** Lay everything out again; separate parts stand side by side up to `room`. */
  arrange(room: number): void {
    this.#narrowest = this.graph.nodes.length > LARGE ? NARROWEST : this.wish.card;
    this.#measure();
    this.#begun = true;
    this.#room = room;
    this.#background.stop();
    if (this.graph.nodes.length > LARGE) {
      this.#layout = null;
      this.#ask();
      return;
    }
    this.#settle(new Layout(this.#sketch, room));
    if (this.#narrowest === NARROWEST || this.width <= this.wish.whole) return;
    // Narrow cards let it be seen whole; where that is not enough they would only hide their texts.
    for (const least of [NARROWEST, this.wish.card]) {
      this.#narrowest = least;
      this.#measure();
      this.#settle(new Layout(this.#sketch, room));
      if (this.width <= this.wish.whole || this.graph.nodes.length > FEW) return;
    }
  }

  /** Open or close a group inside its card; false when it is too large, or not drawn here. */
  toggle(key: string): boolean {
    const index = this.run.groupRows.get(key) ?? -1;
    const node = this.graph.of(key);
    if (index < 0 || node === undefined || this.graph.nodes[node]!.key !== key) return false;
    if (!this.#open.delete(key)) {
      if (!this.#fits(index)) return false;
      this.#open.add(key);
    }
    this.#measure();
    this.#layout?.resize(node, this.#across[node]!, this.#along[node]!);
    if (this.#layout !== null) this.#settle(this.#layout);
    return true;
  }

  /** Whether a group is open in its card. */
  isOpen(key: string): boolean {
    return this.#open.has(key) && this.#fits(this.run.groupRows.get(key) ?? -1);
  }

  /** The inside of a sub-workflow that is open in its card. */
  inside(key: string): Scene | undefined {
    return this.#open.has(key) ? this.#inner.get(key) : undefined;
  }

  /** Where a node is. */
  box(node: number): Box {
    const b = node * 4;
    const { boxes } = this;
    return { x: boxes[b]!, y: boxes[b + 1]!, width: boxes[b + 2]!, height: boxes[b + 3]! };
  }

  /** The part of the drawing outside which there is nothing. */
  get extent(): Region {
    return { left: -EDGE, top: -EDGE, right: this.width + EDGE, bottom: this.height + EDGE };
  }

  /** The ways of all edges, once nodes have places. */
  ways(heads: boolean): Ways {
    return new Ways(this.graph, this.#layout!, this.#sketch, heads);
  }

  /** The drawing from far away, in at most `most` columns; right at once, in a better order once nodes have places. */
  overview(most: number): Overview {
    const layout = this.#layout;
    const { nodes, sources, targets } = this.graph;
    const rank = layout === null ? ranks(nodes.length, sources, targets).rank : nodes.map((_, node) => layout.rank(node));
    const order = nodes.map((_, node) => node);
    const { boxes } = this;
    const across = (node: number): number => boxes[node * 4 + 1]!;
    if (layout !== null) order.sort((a, b) => across(a) - across(b) || a - b);
    return overview(rank, order, this.graph, most);
  }

  /** Stop what still runs. */
  dispose(): void {
    this.#background.stop();
  }

  get #sketch(): Sketch {
    return { across: this.#across, along: this.#along, sources: this.graph.sources, targets: this.graph.targets };
  }

  #ask(): void {
    const asked = this.#sketch;
    this.#background.ask(asked, (plan) => this.#answered(asked, plan));
  }

  /** The graph may have grown while it was laid out. */
  #answered(asked: Sketch, plan: Plan): void {
    const layout = new Layout(asked, this.#room, plan);
    if (layout.size < this.graph.nodes.length && !layout.insert(this.#sketch)) return this.#ask();
    layout.inserted = 0;
    this.#settle(layout);
    this.placed();
  }

  #settle(layout: Layout): void {
    this.#layout = layout;
    const boxes = new Float32Array(this.graph.nodes.length * 4);
    for (let node = 0, b = 0; b < boxes.length; node++, b += 4) {
      const { across, along } = layout.place(node);
      const [wide, long] = [this.#across[node]!, this.#along[node]!];
      boxes[b] = along;
      boxes[b + 1] = across - wide / 2;
      boxes[b + 2] = long;
      boxes[b + 3] = wide;
    }
    this.boxes = boxes;
  }

  /** Grow in place when nodes and edges were added that lead onward. */
  #grow(before: Drawn, sizes: { readonly across: readonly number[]; readonly along: readonly number[] }, remade: (node: number) => void): boolean {
    const layout = this.#layout;
    const { nodes } = this.graph;
    const old = before.nodes.length;
    if (layout === null) return false;
    for (let node = 0; node < old; node++) {
      if (before.nodes[node]!.group < 0 !== nodes[node]!.group < 0) remade(node);
      const [across, along] = [this.#across[node]!, this.#along[node]!];
      if (across !== sizes.across[node] || along !== sizes.along[node]) layout.resize(node, across, along);
    }
    if (!layout.insert(this.#sketch)) return false;
    this.#settle(layout);
    return true;
  }

  #measure(): void {
    this.#across = [];
    this.#along = [];
    for (const { group, key, row } of this.graph.nodes) {
      const [width, height] = group < 0 ? [cardWidth(label(this.run, row), this.#narrowest), CARD_HEIGHT] : this.#sizeOf(group, key);
      this.#across.push(height);
      this.#along.push(width);
    }
  }

  #sizeOf(index: number, key: string): [width: number, height: number] {
    const group = this.run.groups[index]!;
    const isOpen = this.#open.has(key) && this.#fits(index);
    if (!isOpen || group.kind === "map") {
      this.#inner.delete(key);
      return [GROUP_WIDTH, groupHeight(total(group.counts), isOpen)];
    }
    const inner = this.#inner.get(key) ?? new Scene(this.run, key, () => undefined);
    this.#inner.set(key, inner);
    inner.rebuild(0, () => undefined);
    return [Math.max(GROUP_WIDTH, inner.width + 2 * INSIDE_PAD), GROUP_HEIGHT + inner.height + INSIDE_PAD];
  }

  #fits(index: number): boolean {
    const group = this.run.groups[index];
    if (group === undefined) return false;
    const all = total(group.counts);
    if (group.kind === "map") return all <= OPEN_IN_PLACE && all === group.members.length;
    const inner = drawn(this.run, index).nodes.length;
    return inner > 0 && inner <= OPEN_INSIDE;
  }
}

/** How many a list of counts counts. */
export function total(counts: Uint32Array): number {
  return counts.reduce((sum, n) => sum + n, 0);
}
