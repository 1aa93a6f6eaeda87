// The drawing without its elements: which nodes there are, how large, and where they lie.
import type { Run } from "../fold/run.ts";
import { drawn, type Drawn } from "../layout/drawn.ts";
import { Layout } from "../layout/layout.ts";
import { CARD_HEIGHT, CARD_WIDTH } from "./card.ts";
import { routes, type Route, type Sizes } from "./edges.ts";
import { GROUP_WIDTH, groupHeight, OPEN_IN_PLACE } from "./group.ts";

/** A rectangle of the drawing. */
export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** What became of the drawing: `same` order with new nodes at the end, or all `new`. */
export type Rebuilt = "grown" | "new";

/** Nodes, sizes and places of one scope of a run. `turned` flows from left to right. */
export class Scene {
  graph: Drawn = { nodes: [], sources: [], targets: [], of: () => undefined };
  turned = false;
  /** Keys of maps that are open in their card. */
  readonly open = new Set<string>();
  #layout: Layout | null = null;
  #across: number[] = [];
  #along: number[] = [];

  constructor(
    private readonly run: Run,
    private readonly scope: string | null,
  ) {}

  get isEmpty(): boolean {
    return this.#layout === null;
  }

  /** Nodes that were placed since everything was laid out. */
  get inserted(): number {
    return this.#layout?.inserted ?? 0;
  }

  get width(): number {
    return (this.turned ? this.#layout?.length : this.#layout?.width) ?? 0;
  }

  get height(): number {
    return (this.turned ? this.#layout?.width : this.#layout?.length) ?? 0;
  }

  /**
   * Follow the run after tasks or groups came or went. Nodes that were drawn keep their index unless
   * the answer is `new`; `remade` is told of each whose kind of card has changed.
   */
  rebuild(room: number, remade: (node: number) => void): Rebuilt {
    const scope = this.scope === null ? -1 : (this.run.groupRows.get(this.scope) ?? -1);
    const before = this.graph;
    this.graph = drawn(this.run, scope, before.nodes);
    const sizes = { across: this.#across, along: this.#along };
    const kept = before.nodes.length > 0 && before.nodes.every(({ key }, i) => this.graph.nodes[i]?.key === key);
    this.#measure();
    if (kept && this.#grow(before, sizes, remade)) return "grown";
    this.arrange(room);
    return kept ? "grown" : "new";
  }

  /** Lay everything out again; separate parts stand side by side up to `room`. */
  arrange(room: number): void {
    this.#measure();
    const { sources, targets } = this.graph;
    this.#layout = new Layout({ across: this.#across, along: this.#along, sources, targets }, room);
  }

  /** Open or close a map inside its card; false when it is too large, or no map. */
  toggle(key: string): boolean {
    const group = this.run.groups[this.run.groupRows.get(key) ?? -1];
    const node = this.graph.of(key);
    if (group === undefined || node === undefined || group.kind !== "map") return false;
    const all = total(group.counts);
    if (all > OPEN_IN_PLACE || all !== group.members.length) return false;
    if (!this.open.delete(key)) this.open.add(key);
    this.#measure();
    this.#layout?.resize(node, this.#across[node]!, this.#along[node]!);
    return true;
  }

  /** Where a node is. */
  box(node: number): Box {
    const { across, along } = this.#layout!.place(node);
    const [wide, long] = [this.#across[node]!, this.#along[node]!];
    const edge = across - wide / 2;
    return this.turned ? { x: along, y: edge, width: long, height: wide } : { x: edge, y: along, width: wide, height: long };
  }

  /** The ways of all edges. */
  routes(): Route[] {
    return routes(this.graph, this.#layout!, { across: this.#across, along: this.#along }, this.turned);
  }

  /** Grow in place when only nodes were added, with edges to them. */
  #grow(before: Drawn, sizes: Sizes, remade: (node: number) => void): boolean {
    const layout = this.#layout;
    const { nodes, sources, targets } = this.graph;
    const old = before.nodes.length;
    const inner = (ends: readonly number[]): number => ends.reduce((n, target) => n + Number(target < old), 0);
    if (layout === null || inner(targets) !== inner(before.targets)) return false;
    for (let node = 0; node < old; node++) {
      if (before.nodes[node]!.group < 0 !== nodes[node]!.group < 0) remade(node);
      const [across, along] = [this.#across[node]!, this.#along[node]!];
      if (across !== sizes.across[node] || along !== sizes.along[node]) layout.resize(node, across, along);
    }
    return layout.insert({ across: this.#across, along: this.#along, sources, targets });
  }

  #measure(): void {
    this.#across = [];
    this.#along = [];
    for (const { group, key } of this.graph.nodes) {
      const all = group < 0 ? 0 : total(this.run.groups[group]!.counts);
      const isOpen = this.open.has(key) && all <= OPEN_IN_PLACE;
      const [width, height] = group < 0 ? [CARD_WIDTH, CARD_HEIGHT] : [GROUP_WIDTH, groupHeight(all, isOpen)];
      this.#across.push(this.turned ? height : width);
      this.#along.push(this.turned ? width : height);
    }
  }
}

/** How many a list of counts counts. */
export function total(counts: Uint32Array): number {
  return counts.reduce((sum, n) => sum + n, 0);
}
