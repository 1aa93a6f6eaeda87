// The live graph: cards and curves in a window that zooms and pans, and grows without jumping.
import type { Changes, Run } from "../fold/run.ts";
import { FAILED, PENDING } from "../fold/statuses.ts";
import { drawn, type Drawn } from "../layout/drawn.ts";
import { Layout } from "../layout/layout.ts";
import { Card, CARD_HEIGHT, CARD_WIDTH } from "./card.ts";
import { routes, type Route } from "./edges.ts";
import { button, html, setAttribute, setText, svg } from "./element.ts";
import { edgeState, nodeStatus, taskFacts } from "./facts.ts";
import { FarLayer } from "./far.ts";
import { GROUP_WIDTH, GroupCard, groupHeight, OPEN_IN_PLACE } from "./group.ts";
import { nearest, type Direction } from "./nearest.ts";
import type { Palette } from "./palette.ts";
import { Viewport } from "./viewport.ts";

const PADDING = 20;
const WIDE = 900;
const TALLEST = 540;
const LOWEST = 96;
/** Whole graphs up to this size are DOM; larger ones have cards only where one looks closely. */
const WHOLE = 250;
const NEAR = 0.45;
/** Fits by itself down to this scale; a larger graph starts readable and is panned. */
const READABLE = 0.7;
const COMFORTABLE = 0.85;

/** What the graph reports. */
export interface GraphActions {
  /** A card was chosen; null when the choice was taken back. */
  select(key: string | null): void;
  /** A group that is too large for its card was opened or closed. */
  drawer(key: string | null): void;
  palette(): Palette;
}

/** The graph of one scope of a run. */
export class GraphView {
  readonly element: HTMLElement;
  readonly #world = html("div", "wfj-world");
  readonly #lines = svg("svg", "wfj-edges", { "aria-hidden": "true" });
  readonly #tree = html("div", "wfj-tree", { role: "tree" });
  readonly #percent = html("span", "wfj-percent");
  readonly #tidy: HTMLButtonElement;
  readonly #empty = html("p", "wfj-empty", { hidden: true });
  readonly #viewport: Viewport;
  readonly #far: FarLayer;
  readonly #cards = new Map<number, Card | GroupCard>();
  readonly #open = new Set<string>();
  #graph: Drawn = { nodes: [], sources: [], targets: [], of: () => undefined };
  #layout: Layout | null = null;
  #sizes = { across: [] as number[], along: [] as number[] };
  #routes: Route[] = [];
  #paths: SVGGElement[] = [];
  #incident: number[][] = [];
  #turned = false;
  #current = -1;
  #selected: string | null = null;
  #drawerKey: string | null = null;
  #tallest = TALLEST;
  #now = Date.now();

  constructor(
    private readonly run: Run,
    private readonly scope: string | null,
    private readonly actions: GraphActions,
    signal: AbortSignal,
  ) {
    this.#tidy = button("Tidy up", "wfj-zoom-button", () => this.#arrange(true), "Lay the graph out again");
    this.#tidy.hidden = true;
    const zoom = (name: string, text: string, act: () => void): HTMLButtonElement => button(text, "wfj-zoom-button", act, name);
    const controls = html("div", "wfj-zoom", { role: "group", "aria-label": "Zoom" });
    controls.append(
      this.#tidy,
      zoom("Zoom out", "−", () => this.#viewport.zoom(1 / 1.25)),
      this.#percent,
      zoom("Zoom in", "+", () => this.#viewport.zoom(1.25)),
      zoom("Fit the graph", "Fit", () => this.fit()),
    );
    this.#tree.setAttribute("aria-label", `Tasks of ${scope ?? run.workflow}`);
    this.#world.append(this.#lines, this.#tree);
    this.element = html("div", "wfj-graph", {}, this.#world, this.#empty, controls);
    this.#viewport = new Viewport(this.element, () => this.#moved(), signal);
    this.#far = new FarLayer(this.element, this.#world);
    this.element.addEventListener("click", (event) => this.#click(event), { signal });
    this.element.addEventListener("keydown", (event) => this.#key(event), { signal });
    this.element.addEventListener("focusin", (event) => this.#focused(event.target as Element), { signal });
  }

  /** Limit the height, in pixels; 0 for the default. */
  set height(pixels: number) {
    this.#tallest = pixels > 0 ? pixels : TALLEST;
    this.#place();
  }

  /** Bring the drawing up to date with what changed. */
  update(changes: Changes, now: number): void {
    this.#now = now;
    if (changes.structure || this.#layout === null) {
      this.#restructure();
      this.refresh(now);
      return;
    }
    const touched = new Set<number>();
    for (const row of changes.tasks) this.#touch(this.#graph.of(this.run.tasks.keys[row]!), touched);
    for (const group of changes.groups) this.#touch(this.#graph.of(this.run.groups[group]!.key), touched);
    for (const node of touched) this.#showNode(node, now);
    for (const node of touched) for (const edge of this.#incident[node]!) this.#showEdge(edge);
    if (this.#isFar) this.#paintFar();
  }

  /** Show everything anew: time has passed, the theme changed, or the view was out of sight. */
  refresh(now: number): void {
    this.#now = now;
    for (const node of this.#cards.keys()) this.#showNode(node, now);
    this.#paths.forEach((_, edge) => this.#showEdge(edge));
    if (this.#isFar) this.#paintFar();
  }

  /** The window has another width. */
  resized(): void {
    const width = this.element.clientWidth;
    if (width === 0) return;
    const turn = width >= WIDE;
    if (turn !== this.#turned && this.#layout !== null) {
      this.#turned = turn;
      this.#arrange(false);
    } else this.#place();
  }

  /** Show the whole graph. */
  fit(): void {
    this.#viewport.touched = false;
    this.#place(0.05);
  }

  /** Mark a task or group as chosen, without telling; null for none. */
  mark(key: string | null): void {
    this.#selected = key;
    this.#drawerKey = key !== null && this.run.groupRows.has(key) ? key : this.#drawerKey;
    for (const [node, card] of this.#cards) this.#showMark(node, card);
    const node = key === null ? undefined : this.#graph.of(key);
    if (node !== undefined) this.#reveal(node);
  }

  /** Tell which group the drawer shows. */
  set drawer(key: string | null) {
    this.#drawerKey = key;
    for (const [node, card] of this.#cards) this.#showMark(node, card);
    this.refresh(this.#now);
  }

  /** Put the focus on a node; false when it is not drawn here. */
  focus(key: string): boolean {
    const node = this.#graph.of(key);
    if (node === undefined) return false;
    this.#reveal(node);
    this.#cards.get(node)?.element.focus({ preventScroll: true });
    return true;
  }

  /** Free what the page does not collect by itself. */
  dispose(): void {
    this.#far.dispose();
  }

  // -- structure ------------------------------------------------------------------------------------

  #restructure(): void {
    const scope = this.scope === null ? -1 : (this.run.groupRows.get(this.scope) ?? -1);
    const before = this.#graph;
    const graph = drawn(this.run, scope, before.nodes);
    const kept = before.nodes.every(({ key }, i) => graph.nodes[i]?.key === key);
    this.#graph = graph;
    this.#measure();
    const sketch = { ...this.#sizes, sources: graph.sources, targets: graph.targets };
    const inserted = kept && this.#layout !== null && before.nodes.length > 0 && this.#insert(before, sketch);
    if (!kept) this.#cards.forEach((card) => card.element.remove());
    if (!kept) this.#cards.clear();
    if (inserted) this.#redraw();
    else this.#arrange(true);
    this.#empty.hidden = graph.nodes.length > 0;
    setText(this.#empty, this.run.status === "pending" ? "Waiting for the first task" : "This workflow has no tasks");
  }

  /** Grow in place when only nodes were added, with edges to them. */
  #insert(before: Drawn, sketch: ConstructorParameters<typeof Layout>[0]): boolean {
    const layout = this.#layout!;
    const old = before.nodes.length;
    const inner = (targets: readonly number[]): number => targets.reduce((n, target) => n + Number(target < old), 0);
    if (inner(sketch.targets) !== inner(before.targets)) return false;
    for (let node = 0; node < old; node++) {
      const { row, group } = before.nodes[node]!;
      const now = this.#graph.nodes[node]!;
      if (row !== now.row && (row < 0) !== (now.row < 0)) {
        this.#cards.get(node)?.element.remove();
        this.#cards.delete(node);
      } else if (group === now.group) continue;
      layout.resize(node, sketch.across[node]!, sketch.along[node]!);
    }
    return layout.insert(sketch);
  }

  #measure(): void {
    const across: number[] = [];
    const along: number[] = [];
    for (const { group } of this.#graph.nodes) {
      const [width, height] = group < 0 ? [CARD_WIDTH, CARD_HEIGHT] : [GROUP_WIDTH, this.#groupHeight(group)];
      across.push(this.#turned ? height : width);
      along.push(this.#turned ? width : height);
    }
    this.#sizes = { across, along };
  }

  #groupHeight(index: number): number {
    const group = this.run.groups[index]!;
    const all = group.counts.reduce((sum, n) => sum + n, 0);
    return groupHeight(all, this.#open.has(group.key) && all <= OPEN_IN_PLACE);
  }

  /** Lay everything out again. */
  #arrange(refit: boolean): void {
    if (this.element.clientWidth > 0) this.#turned = this.element.clientWidth >= WIDE;
    this.#measure();
    const room = (this.#turned ? this.#tallest : this.element.clientWidth || 700) - 2 * PADDING;
    const { sources, targets } = this.#graph;
    this.#layout = new Layout({ ...this.#sizes, sources, targets }, room);
    if (refit) this.#viewport.touched = false;
    this.#redraw();
    this.refresh(this.#now);
  }

  // -- drawing --------------------------------------------------------------------------------------

  get #isFar(): boolean {
    return this.#graph.nodes.length > WHOLE;
  }

  #redraw(): void {
    const { sources, targets, nodes } = this.#graph;
    this.#routes = routes(this.#graph, this.#layout!, this.#sizes, this.#turned);
    this.#incident = nodes.map(() => []);
    this.#routes.forEach((_, edge) => {
      this.#incident[sources[edge]!]!.push(edge);
      this.#incident[targets[edge]!]!.push(edge);
    });
    const lines = this.#isFar ? [] : this.#routes;
    while (this.#paths.length > lines.length) this.#paths.pop()!.remove();
    lines.forEach(({ line, head }, edge) => {
      const path = (this.#paths[edge] ??= this.#lines.appendChild(svg("g", "", {}, svg("path"), svg("path"))));
      path.children[0]!.setAttribute("d", line);
      path.children[1]!.setAttribute("d", head);
    });
    this.#tidy.hidden = this.#layout!.inserted === 0;
    this.#far.load(this.#isFar ? this.#routes : [], nodes.map((_, node) => this.#box(node)));
    this.#place();
  }

  #box(node: number): { x: number; y: number; width: number; height: number } {
    const { across, along } = this.#layout!.place(node);
    const [wide, long] = [this.#sizes.across[node]!, this.#sizes.along[node]!];
    const edge = across - wide / 2;
    return this.#turned ? { x: along, y: edge, width: long, height: wide } : { x: edge, y: along, width: wide, height: long };
  }

  /** Mount the cards that can be seen. */
  #mount(): void {
    const { scale, x, y } = this.#viewport.view;
    const near = !this.#isFar || scale >= NEAR;
    const [width, height] = [this.element.clientWidth, this.element.clientHeight];
    this.#graph.nodes.forEach((_, node) => {
      const box = this.#box(node);
      const outside =
        this.#isFar &&
        ((box.x + box.width) * scale + x < 0 || box.x * scale + x > width ||
          (box.y + box.height) * scale + y < 0 || box.y * scale + y > height);
      if (!near || outside) {
        this.#cards.get(node)?.element.remove();
        this.#cards.delete(node);
        return;
      }
      let card = this.#cards.get(node);
      if (card === undefined) {
        card = this.#makeCard(node);
        this.#cards.set(node, card);
        this.#tree.append(card.element);
        this.#showNode(node, this.#now);
        this.#showMark(node, card);
      }
      const { style } = card.element;
      style.transform = `translate(${box.x}px, ${box.y}px)`;
      style.height = `${box.height}px`;
    });
  }

  #makeCard(node: number): Card | GroupCard {
    const { key, group } = this.#graph.nodes[node]!;
    if (group < 0) return new Card(key);
    return new GroupCard(key, { toggle: (name) => this.#toggle(name), open: (name) => this.actions.select(name) });
  }

  #showNode(node: number, now: number): void {
    const card = this.#cards.get(node);
    const { row, group } = this.#graph.nodes[node]!;
    if (card instanceof GroupCard) {
      const { key } = card;
      card.show(this.run, group, this.actions.palette(), this.#open.has(key) || this.#drawerKey === key);
    } else if (card !== undefined && row >= 0) card.show(taskFacts(this.run, row, now));
  }

  #touch(node: number | undefined, touched: Set<number>): void {
    if (node === undefined || touched.has(node)) return;
    touched.add(node);
    // what waits for it says for how many it waits
    for (const edge of this.#incident[node]!) {
      const target = this.#graph.targets[edge]!;
      if (target !== node && this.#cards.has(target) && this.#statusOf(target) === PENDING) touched.add(target);
    }
  }

  #showEdge(edge: number): void {
    const path = this.#paths[edge];
    if (path === undefined) return;
    const { source, target } = this.#routes[edge]!;
    setAttribute(path, "class", `wfj-e-${edgeState(this.#statusOf(source), this.#statusOf(target))}`);
  }

  #statusOf(node: number): number {
    return nodeStatus(this.run, this.#graph.nodes[node]!);
  }

  #showMark(node: number, card: Card | GroupCard): void {
    const { key } = this.#graph.nodes[node]!;
    const chosen = key === this.#selected || (this.#selected !== null && this.#graph.of(this.#selected) === node);
    card.element.classList.toggle("wfj-selected", chosen || key === this.#drawerKey);
    card.element.setAttribute("aria-selected", String(chosen));
    if (this.#current < 0) this.#current = node;
    card.element.tabIndex = node === this.#current ? 0 : -1;
  }

  #paintFar(): void {
    this.#far.paint(this.#viewport.view, this.actions.palette(), (node) => this.#statusOf(node));
  }

  // -- place in the window --------------------------------------------------------------------------

  /** Give the window its height and, unless a person has moved it, the drawing its place. */
  #place(least = -1): void {
    const layout = this.#layout;
    const width = this.element.clientWidth;
    if (layout === null || width === 0) return;
    const [w, h] = this.#turned ? [layout.length, layout.width] : [layout.width, layout.length];
    const across = (width - 2 * PADDING) / Math.max(1, w);
    const both = Math.min(across, (this.#tallest - 2 * PADDING) / Math.max(1, h));
    const wanted = this.#isFar ? Math.min(1, both) : Math.min(1, Math.max(across, Math.min(both, READABLE)));
    let scale = least > 0 ? Math.min(1, both) : wanted;
    if (least < 0 && !this.#isFar && scale < READABLE) scale = COMFORTABLE;
    if (this.#viewport.touched) scale = this.#viewport.view.scale;
    const height = Math.round(Math.min(this.#tallest, Math.max(LOWEST, h * scale + 2 * PADDING)));
    this.element.style.height = `${this.#viewport.touched ? Math.max(height, this.element.clientHeight) : height}px`;
    if (this.#viewport.touched) return this.#moved();
    const x = Math.max(PADDING, (width - w * scale) / 2);
    const y = Math.max(PADDING, (height - h * scale) / 2);
    this.#viewport.set({ scale, x, y });
  }

  #moved(): void {
    const { scale, x, y } = this.#viewport.view;
    this.#world.style.transform = `translate(${x}px, ${y}px) scale(${scale})`;
    this.element.classList.toggle("wfj-tiny", scale < 0.6);
    setText(this.#percent, `${Math.round(scale * 100)} %`);
    this.#mount();
    if (this.#isFar) this.#paintFar();
  }

  #reveal(node: number): void {
    if (this.#layout === null || this.element.clientWidth === 0) return;
    if (this.#isFar && this.#viewport.view.scale < NEAR) this.#viewport.zoom(COMFORTABLE / this.#viewport.view.scale);
    this.#viewport.reveal(this.#box(node));
  }

  // -- people ---------------------------------------------------------------------------------------

  #click(event: MouseEvent): void {
    const target = event.target as Element;
    if (target.closest("button")) return;
    const card = target.closest<HTMLElement>(".wfj-card");
    const key = card?.dataset["key"] ?? this.#keyAt(event);
    if (key === null) return this.#select(null);
    this.#activate(key);
  }

  #keyAt(event: MouseEvent): string | null {
    if (!this.#isFar) return null;
    const frame = this.element.getBoundingClientRect();
    const { scale, x, y } = this.#viewport.view;
    const [px, py] = [(event.clientX - frame.left - x) / scale, (event.clientY - frame.top - y) / scale];
    const hit = this.#graph.nodes.findIndex((_, node) => {
      const box = this.#box(node);
      return px >= box.x && px <= box.x + box.width && py >= box.y && py <= box.y + box.height;
    });
    return this.#graph.nodes[hit]?.key ?? null;
  }

  #activate(key: string): void {
    if (this.run.groupRows.has(key)) this.#toggle(key);
    else this.#select(key === this.#selected ? null : key);
  }

  #select(key: string | null): void {
    this.mark(key);
    this.actions.select(key);
  }

  /** Open a group: a small map in its card, anything larger in the drawer. */
  #toggle(key: string): void {
    const group = this.run.groups[this.run.groupRows.get(key) ?? -1];
    const node = this.#graph.of(key);
    if (group === undefined || node === undefined) return;
    const all = group.counts.reduce((sum, n) => sum + n, 0);
    if (group.kind === "map" && all <= OPEN_IN_PLACE && all === group.members.length) {
      if (!this.#open.delete(key)) this.#open.add(key);
      this.#measure();
      this.#layout!.resize(node, this.#sizes.across[node]!, this.#sizes.along[node]!);
      this.#redraw();
      this.refresh(this.#now);
    } else this.actions.drawer(this.#drawerKey === key ? null : key);
  }

  #focused(target: Element): void {
    const key = target.closest<HTMLElement>(".wfj-card")?.dataset["key"];
    const node = key === undefined ? undefined : this.#graph.of(key);
    if (node === undefined || node === this.#current) return;
    const before = this.#cards.get(this.#current);
    if (before) before.element.tabIndex = -1;
    this.#current = node;
    this.#cards.get(node)!.element.tabIndex = 0;
  }

  #key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const key = this.#graph.nodes[this.#current]?.key ?? null;
    const onButton = (event.target as Element).closest("button") !== null;
    if (event.key.startsWith("Arrow")) this.#step(event.key.slice(5).toLowerCase() as Direction);
    else if ((event.key === "Enter" || event.key === " ") && key !== null && !onButton) this.#activate(key);
    else if (event.key === "+" || event.key === "=") this.#viewport.zoom(1.25);
    else if (event.key === "-") this.#viewport.zoom(1 / 1.25);
    else if (event.key === "0" || event.key === "f") this.fit();
    else if (event.key === "Home") this.#focusNode(0);
    else if (event.key === "End") this.#focusNode(this.#graph.nodes.length - 1);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  #step(direction: Direction): void {
    const from = this.#current < 0 ? 0 : this.#current;
    this.#focusNode(nearest(this.#graph.nodes.map((_, node) => this.#box(node)), from, direction));
  }

  #focusNode(node: number): void {
    const key = this.#graph.nodes[node]?.key;
    if (key !== undefined) this.focus(key);
  }

  /** The key of the next failed node after the current one, in order of declaration; null when there is none. */
  nextFailure(after: string | null): string | null {
    const { nodes } = this.#graph;
    const start = after === null ? -1 : (this.#graph.of(after) ?? -1);
    for (let i = 1; i <= nodes.length; i++) {
      const node = nodes[(start + i + nodes.length) % nodes.length]!;
      const failed = node.group < 0 ? nodeStatus(this.run, node) === FAILED : this.run.groups[node.group]!.counts[FAILED]! > 0;
      if (failed) return node.key;
    }
    return null;
  }
}
