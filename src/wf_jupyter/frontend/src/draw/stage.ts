// What of the scene is on the page: cards, curves, and canvases for what is too much for elements.
import type { Run } from "../fold/run.ts";
import { PENDING } from "../fold/statuses.ts";
import { BarcodeLayer, PITCH } from "./overview-strip.ts";
import { BlockLayer } from "./blocks.ts";
import { Card } from "./card.ts";
import type { Named } from "./column-names.ts";
import { EdgeLayer } from "./edges.ts";
import { html, setAttribute } from "./element.ts";
import { nodeStatus, taskFacts } from "./facts.ts";
import { GroupCard, type GroupActions } from "./group.ts";
import { Inside } from "./inside.ts";
import type { Palette } from "./palette.ts";
import { total, type Scene } from "./scene.ts";
import { inside } from "./canvas-region.ts";
import type { View } from "./viewport.ts";

/** Graphs up to this size have all cards on the page; larger ones those in sight, and only where one looks closely. */
const FEW_NODES = 60;
/** Larger graphs than this begin as a whole, however small that is. */
const WHOLE = 250;
/** So many changed cards are shown at once; more of them wait for each other, up to a tenth of a second. */
const FEW = 8;
const TOGETHER_MS = 90;
const REST_MS = 150;
/** In larger graphs nothing turns: it would cost more than it tells. */
const CALM = 40;
/** Scale from which a large graph shows cards. */
export const NEAR = 0.45;

/** Which cards are marked. `current` is the node that the tab key reaches. */
export interface Marks {
  selected: string | null;
  drawer: string | null;
  current: number;
}

/** Keeps elements in step with the scene. */
export class Stage {
  readonly element = html("div", "wfj-world");
  readonly marks: Marks = { selected: null, drawer: null, current: -1 };
  /** Whether the whole is shown from far away, whatever the view. */
  isOverview = false;
  readonly tree: HTMLElement;
  readonly #edges: EdgeLayer;
  readonly #blocks: BlockLayer;
  readonly #barcode: BarcodeLayer;
  readonly #cards = new Map<number, Card | GroupCard>();
  readonly #insides = new Map<number, Inside>();
  #now = Date.now();
  #mapped = 0;
  #width = 0;
  #height = 0;
  /** Counts redraws, so that cards which have not moved are left alone. */
  #drawn = 0;
  #due = new Set<number>();
  #shown = 0;
  #later: ReturnType<typeof setTimeout> | undefined;
  #rest: ReturnType<typeof setTimeout> | undefined;
  readonly #placed = new Map<number, number>();

  constructor(
    private readonly run: Run,
    private readonly scene: Scene,
    private readonly window: HTMLElement,
    private readonly palette: () => Palette,
    private readonly actions: GroupActions,
    private readonly label: string,
  ) {
    this.tree = html("div", "wfj-tree", { role: "tree", "aria-label": label });
    const statusOf = (node: number): number => this.#statusOf(node);
    this.element.append(this.tree);
    window.prepend(this.element);
    this.#edges = new EdgeLayer(window, scene, palette, statusOf, () => this.isFar);
    this.#blocks = new BlockLayer(this.element, scene, palette, statusOf);
    this.#barcode = new BarcodeLayer(window, palette, statusOf, (node) => this.#named(node));
  }

  /** Whether there is too much to be read at once. */
  get isFar(): boolean {
    return this.scene.graph.nodes.length > WHOLE;
  }

  /** Whether all cards are on the page, whatever is in sight. */
  get isSmall(): boolean {
    return this.scene.graph.nodes.length <= FEW_NODES;
  }

  /** The overview: what a point of it shows, and what it says of itself. */
  get barcode(): BarcodeLayer {
    return this.#barcode;
  }

  /** The element of a node, or of the task `key` in the open card of that node, if it is on the page. */
  cardOf(node: number, key: string): HTMLElement | undefined {
    return this.#insides.get(node)?.cardOf(key) ?? this.#cards.get(node)?.element;
  }

  /** What lies in the open card of a node. */
  insideOf(node: number): Inside | undefined {
    return this.#insides.get(node);
  }

  /** Take a node's element away; it is made anew when it is needed. */
  unmount(node: number): void {
    this.#shut(node);
    this.#cards.get(node)?.element.remove();
    this.#cards.delete(node);
    this.#placed.delete(node);
  }

  /** Take all cards away. */
  clear(): void {
    for (const node of [...this.#cards.keys()]) this.unmount(node);
  }

  /** The scene has other nodes, sizes or places. */
  redraw(): void {
    this.#drawn++;
    this.#edges.reload();
    this.#blocks.reload();
    this.#mapped = 0;
    if (!this.isFar) this.#barcode.drop();
  }

  /** Make the overview ready for the width of the window. */
  map(width: number): void {
    const most = Math.max(4, Math.floor((width - 60) / PITCH));
    if (this.#mapped === most) return;
    this.#mapped = most;
    this.#barcode.load(this.scene.overview(most));
  }

  /** The window has this size. */
  resize(width: number, height: number): void {
    this.#width = width;
    this.#height = height;
    this.#barcode.resize(width, height);
    this.window.classList.toggle("wfj-calm", this.scene.graph.nodes.length > CALM);
  }

  /** Show what lies in the window at this zoom and place. */
  look(view: View): void {
    const { scale, x, y } = view;
    if (this.scene.isEmpty) return;
    if (this.isOverview) {
      this.clear();
      this.#edges.drop();
      this.#blocks.drop();
      this.map(this.#width);
      this.#barcode.paint();
      this.#reachable();
      return;
    }
    this.#barcode.drop();
    this.element.style.transform = `translate(${x}px, ${y}px) scale(${scale})`;
    this.#move();
    const near = this.isSmall || scale >= NEAR;
    if (near) this.#mountVisible(view);
    else this.clear();
    this.#edges.look(view, this.#width, this.#height);
    if (near) this.#blocks.drop();
    else this.#blocks.look(view, this.#width, this.#height);
    this.#reachable();
  }

  /** Show these nodes anew, with what waits for them and the edges between. */
  update(nodes: ReadonlySet<number>, now: number): void {
    this.#now = now;
    if (this.isFar && this.isOverview) {
      this.#barcode.touch(nodes);
      return this.#barcode.paint();
    }
    this.#blocks.touch(nodes);
    if (this.isFar) this.#edges.touch(nodes);
    for (const node of nodes) if (this.#cards.has(node) || !this.isFar) this.#due.add(node);
    if (this.#due.size > FEW && performance.now() - this.#shown < TOGETHER_MS) this.#later ??= setTimeout(() => this.#flush(), TOGETHER_MS);
    else this.#flush();
  }

  /** Show everything anew. */
  refresh(now: number): void {
    this.tick(now);
    if (this.isOverview) {
      this.#barcode.touch(new Set(this.scene.graph.nodes.keys()));
      this.#barcode.paint(true);
    } else {
      this.#edges.refresh();
      this.#blocks.repaint();
    }
  }

  /** Time has passed: only cards tell it. */
  tick(now: number): void {
    this.#now = now;
    for (const node of this.#cards.keys()) this.#showNode(node);
  }

  /** Show the marks. */
  mark(): void {
    for (const node of this.#cards.keys()) this.#showMark(node);
    this.#reachable();
  }

  /** Nodes that an edge leads to (`down`) or comes from. */
  linked(node: number, down: boolean): number[] {
    const { sources, targets } = this.scene.graph;
    const [from, to] = down ? [sources, targets] : [targets, sources];
    const found: number[] = [];
    for (let edge = 0; edge < from.length; edge++) if (from[edge] === node) found.push(to[edge]!);
    return found;
  }

  /** Free canvases and timers. */
  dispose(): void {
    clearTimeout(this.#later);
    clearTimeout(this.#rest);
    for (const inside of this.#insides.values()) inside.dispose();
    this.#edges.drop();
    this.#blocks.drop();
    this.#barcode.drop();
  }

  #flush(): void {
    clearTimeout(this.#later);
    this.#later = undefined;
    this.#shown = performance.now();
    const touched = this.#due;
    this.#due = new Set();
    if (!this.isFar) {
      this.#edges.touch(touched);
      for (const node of [...touched]) {
        for (const target of this.linked(node, true)) if (this.#statusOf(target) === PENDING) touched.add(target);
      }
    }
    for (const node of touched) this.#showNode(node);
  }

  /** While it moves, the drawing is a layer of its own, which is only shifted; at rest it is sharp again. */
  #move(): void {
    clearTimeout(this.#rest);
    if (this.#rest === undefined) this.element.style.willChange = "transform";
    this.#rest = setTimeout(() => {
      this.#rest = undefined;
      this.element.style.willChange = "";
    }, REST_MS);
  }

  #mountVisible({ scale, x, y }: View): void {
    const { boxes } = this.scene;
    const seen = { left: -x / scale, top: -y / scale, right: (this.#width - x) / scale, bottom: (this.#height - y) / scale };
    const all = this.isSmall;
    for (let node = 0, b = 0; b < boxes.length; node++, b += 4) {
      if (!all && !inside(boxes, b, seen)) {
        if (this.#cards.has(node)) this.unmount(node);
        continue;
      }
      if (this.#placed.get(node) === this.#drawn) continue;
      this.#placed.set(node, this.#drawn);
      const { style } = (this.#cards.get(node) ?? this.#mount(node)).element;
      style.transform = `translate(${boxes[b]!}px, ${boxes[b + 1]!}px)`;
      style.width = `${boxes[b + 2]!}px`;
      style.height = `${boxes[b + 3]!}px`;
    }
  }

  /** There is always one thing that the tab key reaches: a card, or the drawing as a whole. */
  #reachable(): void {
    const { current } = this.marks;
    const card = this.#cards.has(current);
    this.tree.tabIndex = card ? -1 : 0;
    setAttribute(this.tree, "role", this.#cards.size > 0 ? "tree" : "img");
    const many = this.scene.graph.nodes.length;
    const far = `Overview of ${many} tasks: ${this.label}. Press n for the next failure, slash to search, an arrow key for a card.`;
    setAttribute(this.tree, "aria-label", this.#cards.size > 0 || many === 0 ? this.label : far);
  }

  #mount(node: number): Card | GroupCard {
    const { key, group } = this.scene.graph.nodes[node]!;
    const card = group < 0 ? new Card(key) : new GroupCard(key, this.actions);
    this.#cards.set(node, card);
    this.tree.append(card.element);
    this.#showNode(node);
    this.#showMark(node);
    return card;
  }

  #showNode(node: number): void {
    const card = this.#cards.get(node);
    if (card === undefined) return;
    const { key, row, group } = this.scene.graph.nodes[node]!;
    if (card instanceof GroupCard) {
      card.show(this.run, group, this.palette(), this.scene.isOpen(key) || this.marks.drawer === key, this.#now);
      this.#showInside(node, key, card);
    } else if (row >= 0) card.show(taskFacts(this.run, row, this.#now));
  }

  #showInside(node: number, key: string, card: GroupCard): void {
    const inner = this.scene.inside(key);
    let inside = this.#insides.get(node);
    if (inside !== undefined && inside.scene !== inner) inside = this.#shut(node);
    if (inner === undefined) return;
    if (inside === undefined) {
      inside = new Inside(this.run, inner, this.palette, this.actions, key);
      this.#insides.set(node, inside);
      card.element.append(inside.element);
    }
    inside.show(this.#now, this.marks.selected);
  }

  #shut(node: number): undefined {
    this.#insides.get(node)?.dispose();
    this.#insides.delete(node);
  }

  #showMark(node: number): void {
    const { marks, scene } = this;
    const element = this.#cards.get(node)!.element;
    const { key } = scene.graph.nodes[node]!;
    const chosen = marks.selected !== null && scene.graph.of(marks.selected) === node && !this.#insides.get(node)?.cardOf(marks.selected);
    element.classList.toggle("wfj-selected", chosen || key === marks.drawer);
    setAttribute(element, "aria-selected", String(chosen));
    if (marks.current < 0) marks.current = node;
    element.tabIndex = node === marks.current ? 0 : -1;
    this.#insides.get(node)?.mark(marks.selected);
  }

  #named(node: number): Named {
    const { row, group } = this.scene.graph.nodes[node]!;
    const { groups, tasks } = this.run;
    return group < 0 ? { name: tasks.names[row]!, tasks: 1 } : { name: groups[group]!.name, tasks: Math.max(1, total(groups[group]!.counts)) };
  }

  #statusOf(node: number): number {
    return nodeStatus(this.run, this.scene.graph.nodes[node]!);
  }
}
