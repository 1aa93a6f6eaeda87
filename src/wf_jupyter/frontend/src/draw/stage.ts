// What of the scene is on the page: cards, curves, and a canvas for what is too much for elements.
import type { Run } from "../fold/run.ts";
import { PENDING } from "../fold/statuses.ts";
import { Card } from "./card.ts";
import type { Route } from "./edges.ts";
import { html, setAttribute, svg } from "./element.ts";
import { edgeState, nodeStatus, taskFacts } from "./facts.ts";
import { FarLayer } from "./far.ts";
import { GroupCard, type GroupActions } from "./group.ts";
import type { Palette } from "./palette.ts";
import type { Scene } from "./scene.ts";
import type { View } from "./viewport.ts";

/** Whole graphs up to this size are elements; larger ones have cards only where one looks closely. */
const WHOLE = 250;
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
  readonly #lines = svg("svg", "wfj-edges", { "aria-hidden": "true" });
  readonly #tree: HTMLElement;
  readonly #far: FarLayer;
  readonly #cards = new Map<number, Card | GroupCard>();
  #routes: Route[] = [];
  #paths: SVGGElement[] = [];
  #incident: number[][] = [];
  #now = Date.now();
  #view: View = { scale: 1, x: 0, y: 0 };

  constructor(
    private readonly run: Run,
    private readonly scene: Scene,
    private readonly window: HTMLElement,
    private readonly palette: () => Palette,
    private readonly actions: GroupActions,
    label: string,
  ) {
    this.#tree = html("div", "wfj-tree", { role: "tree", "aria-label": label });
    this.element.append(this.#lines, this.#tree);
    window.prepend(this.element);
    this.#far = new FarLayer(window, this.element);
  }

  /** Whether there is too much to have it all as elements. */
  get isFar(): boolean {
    return this.scene.graph.nodes.length > WHOLE;
  }

  /** The element of a node, if it is on the page. */
  cardOf(node: number): HTMLElement | undefined {
    return this.#cards.get(node)?.element;
  }

  /** Take a node's element away; it is made anew when it is needed. */
  unmount(node: number): void {
    this.#cards.get(node)?.element.remove();
    this.#cards.delete(node);
  }

  /** Take all cards away. */
  clear(): void {
    for (const node of [...this.#cards.keys()]) this.unmount(node);
  }

  /** The scene has other nodes, sizes or places. */
  redraw(): void {
    const { nodes } = this.scene.graph;
    this.#routes = this.scene.routes();
    this.#incident = nodes.map(() => []);
    this.#routes.forEach(({ source, target }, edge) => {
      this.#incident[source]!.push(edge);
      this.#incident[target]!.push(edge);
    });
    const lines = this.isFar ? [] : this.#routes;
    while (this.#paths.length > lines.length) this.#paths.pop()!.remove();
    lines.forEach(({ line, head }, edge) => {
      const path = (this.#paths[edge] ??= this.#lines.appendChild(svg("g", "", {}, svg("path"), svg("path"))));
      path.children[0]!.setAttribute("d", line);
      path.children[1]!.setAttribute("d", head);
    });
    this.#far.load(this.isFar ? this.#routes : [], this.isFar ? nodes.map((_, node) => this.scene.box(node)) : []);
  }

  /** Show what lies in the window at this zoom and place. */
  look(view: View): void {
    this.#view = view;
    const { scale, x, y } = view;
    this.element.style.transform = `translate(${x}px, ${y}px) scale(${scale})`;
    if (this.scene.isEmpty) return;
    const near = !this.isFar || scale >= NEAR;
    const [width, height] = [this.window.clientWidth, this.window.clientHeight];
    this.scene.graph.nodes.forEach((_, node) => {
      if (!near) return this.unmount(node);
      const box = this.scene.box(node);
      const beside = (box.x + box.width) * scale + x < 0 || box.x * scale + x > width;
      const beyond = (box.y + box.height) * scale + y < 0 || box.y * scale + y > height;
      if (this.isFar && (beside || beyond)) return this.unmount(node);
      const { style } = (this.#cards.get(node) ?? this.#mount(node)).element;
      style.transform = `translate(${box.x}px, ${box.y}px)`;
      style.height = `${box.height}px`;
    });
    if (this.isFar) this.#paint();
  }

  /** Show these nodes anew, with what waits for them and the edges between. */
  update(nodes: ReadonlySet<number>, now: number): void {
    this.#now = now;
    const touched = new Set(nodes);
    for (const node of nodes) {
      for (const edge of this.#incident[node]!) {
        const { target } = this.#routes[edge]!;
        if (this.#cards.has(target) && this.#statusOf(target) === PENDING) touched.add(target);
        this.#showEdge(edge);
      }
    }
    for (const node of touched) this.#showNode(node);
    if (this.isFar) this.#paint();
  }

  /** Show everything anew. */
  refresh(now: number): void {
    this.#now = now;
    for (const node of this.#cards.keys()) this.#showNode(node);
    this.#paths.forEach((_, edge) => this.#showEdge(edge));
    if (this.isFar) this.#paint();
  }

  /** Show the marks. */
  mark(): void {
    for (const node of this.#cards.keys()) this.#showMark(node);
  }

  /** Free the canvas. */
  dispose(): void {
    this.#far.dispose();
  }

  #mount(node: number): Card | GroupCard {
    const { key, group } = this.scene.graph.nodes[node]!;
    const card = group < 0 ? new Card(key) : new GroupCard(key, this.actions);
    this.#cards.set(node, card);
    this.#tree.append(card.element);
    this.#showNode(node);
    this.#showMark(node);
    return card;
  }

  #showNode(node: number): void {
    const card = this.#cards.get(node);
    const { key, row, group } = this.scene.graph.nodes[node]!;
    if (card instanceof GroupCard) {
      card.show(this.run, group, this.palette(), this.scene.open.has(key) || this.marks.drawer === key);
    } else if (row >= 0) card?.show(taskFacts(this.run, row, this.#now));
  }

  #showMark(node: number): void {
    const { marks, scene } = this;
    const element = this.#cards.get(node)!.element;
    const { key } = scene.graph.nodes[node]!;
    const chosen = marks.selected !== null && scene.graph.of(marks.selected) === node;
    element.classList.toggle("wfj-selected", chosen || key === marks.drawer);
    setAttribute(element, "aria-selected", String(chosen));
    if (marks.current < 0) marks.current = node;
    element.tabIndex = node === marks.current ? 0 : -1;
  }

  #showEdge(edge: number): void {
    const path = this.#paths[edge];
    if (path === undefined) return;
    const { source, target } = this.#routes[edge]!;
    setAttribute(path, "class", `wfj-e-${edgeState(this.#statusOf(source), this.#statusOf(target))}`);
  }

  #statusOf(node: number): number {
    return nodeStatus(this.run, this.scene.graph.nodes[node]!);
  }

  #paint(): void {
    this.#far.paint(this.#view, this.palette(), (node) => this.#statusOf(node));
  }
}
