// A small sub-workflow inside its card: its own tasks as cards, with the edges between them.
import type { Run } from "../fold/run.ts";
import type { Drawn } from "../layout/visible-graph.ts";
import { Card } from "./card.ts";
import { EdgeLayer } from "./edges.ts";
import { html, setAttribute } from "./element.ts";
import { nodeStatus, taskFacts } from "./facts.ts";
import { GroupCard, type GroupActions } from "./group.ts";
import { closest, isAlong, nearest, type Direction } from "./nearest.ts";
import type { Palette } from "./palette.ts";
import type { Scene } from "./scene.ts";

/** The inside of one open card; it lies where its scene has put it. */
export class Inside {
  readonly element: HTMLElement;
  readonly #cards = new Map<string, Card | GroupCard>();
  readonly #edges: EdgeLayer;
  #graph: Drawn | null = null;

  constructor(
    private readonly run: Run,
    readonly scene: Scene,
    private readonly palette: () => Palette,
    private readonly actions: GroupActions,
    key: string,
  ) {
    this.element = html("div", "wfj-inside", { role: "group", "aria-label": `Tasks of ${key}` });
    const statusOf = (node: number): number => nodeStatus(run, scene.graph.nodes[node]!);
    this.#edges = new EdgeLayer(this.element, scene, palette, statusOf, () => false);
  }

  /** Show all as it is now. */
  show(now: number, selected: string | null): void {
    const { scene, run } = this;
    if (this.#graph !== scene.graph) this.#place();
    for (const { key, row, group } of scene.graph.nodes) {
      const card = this.#cards.get(key)!;
      if (card instanceof GroupCard) card.show(run, group, this.palette(), false, now);
      else card.show(taskFacts(run, row, now));
    }
    this.#edges.refresh();
    this.mark(selected);
  }

  /** Mark the card that was chosen. */
  mark(selected: string | null): void {
    for (const [key, { element }] of this.#cards) {
      element.classList.toggle("wfj-selected", key === selected);
      setAttribute(element, "aria-selected", String(key === selected));
    }
  }

  /** The card of a task inside. */
  cardOf(key: string): HTMLElement | undefined {
    return this.#cards.get(key)?.element;
  }

  /** Where an arrow key leads from one card to another; undefined when it leads out. */
  next(key: string, direction: Direction): HTMLElement | undefined {
    const { graph } = this.scene;
    const from = graph.of(key);
    if (from === undefined) return undefined;
    const boxes = graph.nodes.map((_, node) => this.scene.box(node));
    const [ends, others] = direction === "right" ? [graph.sources, graph.targets] : [graph.targets, graph.sources];
    const linked = isAlong(direction) ? others.filter((_, edge) => ends[edge] === from) : [];
    const to = linked.length > 0 ? closest(boxes, from, linked) : nearest(boxes, from, direction);
    return to === from ? undefined : this.cardOf(graph.nodes[to]!.key);
  }

  /** Take it away. */
  dispose(): void {
    this.#edges.drop();
    this.element.remove();
  }

  #place(): void {
    const { graph, width, height } = this.scene;
    this.#graph = graph;
    for (const [key, card] of this.#cards) {
      const node = graph.nodes[graph.of(key) ?? -1];
      if (node !== undefined && node.group >= 0 === card instanceof GroupCard) continue;
      card.element.remove();
      this.#cards.delete(key);
    }
    graph.nodes.forEach(({ key, group }, node) => {
      const card = this.#cards.get(key) ?? (group < 0 ? new Card(key) : new GroupCard(key, this.actions));
      const { x, y, width: wide, height: tall } = this.scene.box(node);
      card.element.style.transform = `translate(${x}px, ${y}px)`;
      card.element.style.width = `${wide}px`;
      card.element.style.height = `${tall}px`;
      card.element.tabIndex = 0;
      this.#cards.set(key, card);
      this.element.append(card.element);
    });
    this.#edges.reload();
    this.#edges.look({ scale: 1, x: 0, y: 0 }, width, height);
  }
}
