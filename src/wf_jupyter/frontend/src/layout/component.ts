// One connected part of the drawing, in its own coordinates.
import { align, settle } from "./align.ts";
import { layered, type Layers, type Sketch } from "./layers.ts";
import { untangle } from "./order.ts";

/** Space between ranks: room for the curves. */
export const RANK_GAP = 40;

/** A laid-out connected graph. Its nodes are `members` of the whole, in the order of the sketch. */
export class Component {
  readonly graph: Layers;
  /** Centre of each vertex across, from 0. */
  at: number[];
  /** Start of each rank along, and its extent. */
  start: number[] = [];
  extent: number[] = [];
  width = 0;
  length = 0;

  constructor(
    readonly members: number[],
    sketch: Sketch,
  ) {
    const { layers, up, down } = layered(sketch);
    this.graph = layers;
    untangle(layers, up, down);
    this.at = align(layers, up, down);
    this.measure();
  }

  /** Find the extent of ranks and of the whole again, after sizes changed or nodes were added. */
  measure(): void {
    const { layers, across, along } = this.graph;
    this.extent = layers.map((layer) => layer.reduce((most, v) => Math.max(most, along[v]!), 0));
    this.start = [];
    this.length = 0;
    for (const extent of this.extent) {
      this.start.push(this.length);
      this.length += extent + RANK_GAP;
    }
    this.length -= RANK_GAP;
    const least = this.at.reduce((low, x, v) => Math.min(low, x - across[v]! / 2), Number.POSITIVE_INFINITY);
    if (least < 0) this.at = this.at.map((x) => x - least);
    this.width = this.at.reduce((most, x, v) => Math.max(most, x + across[v]! / 2), 0);
  }

  /** Give a node another size, keeping every order and moving as little as possible. `measure` is due afterwards. */
  resize(node: number, across: number, along: number): void {
    this.graph.across[node] = across;
    this.graph.along[node] = along;
    this.#keep(this.graph.rank[node]!);
  }

  /**
   * Add a node below its `sources` (nodes of this component), all the others staying in order.
   * Only vertices of the ranks that it touches move, and only as far as it needs room. `measure` is due afterwards.
   */
  insert(member: number, across: number, along: number, sources: readonly number[]): void {
    const graph = this.graph;
    const rank = sources.reduce((most, source) => Math.max(most, graph.rank[source]! + 1), 0);
    const node = this.#makeNode(across, along, rank);
    this.members.push(member);
    const centre = sources.reduce((sum, source) => sum + this.at[source]!, 0) / Math.max(1, sources.length);
    for (const source of sources) this.#extend(source, rank);
    this.#place(node, rank, centre);
  }

  /** Nodes come before dummies: the first dummy gives up its number to a new node. */
  #makeNode(across: number, along: number, rank: number): number {
    const graph = this.graph;
    const node = graph.nodes;
    const last = graph.rank.length;
    if (node < last) this.#rename(node, last);
    graph.rank[node] = rank;
    graph.across[node] = across;
    graph.along[node] = along;
    this.at[node] = 0;
    (graph as { nodes: number }).nodes++;
    return node;
  }

  #rename(from: number, to: number): void {
    const { rank, across, along, layers, chain } = this.graph;
    for (const column of [rank, across, along, this.at]) column[to] = column[from]!;
    const layer = layers[rank[to]!]!;
    layer[layer.indexOf(from)] = to;
    for (const dummies of chain.values()) {
      const i = dummies.indexOf(from);
      if (i >= 0) {
        dummies[i] = to;
        return;
      }
    }
  }

  /** Lengthen a source's chain so that an edge to `rank` can use it. */
  #extend(source: number, rank: number): void {
    const graph = this.graph;
    const dummies = graph.chain.get(source) ?? [];
    for (let r = graph.rank[source]! + 1 + dummies.length; r < rank; r++) {
      const dummy = graph.rank.length;
      graph.rank.push(r);
      graph.across.push(10);
      graph.along.push(0);
      this.at.push(0);
      this.#place(dummy, r, this.at[dummies.at(-1) ?? source]!);
      dummies.push(dummy);
    }
    if (dummies.length > 0) graph.chain.set(source, dummies);
  }

  #place(vertex: number, rank: number, centre: number): void {
    const layer = (this.graph.layers[rank] ??= []);
    const after = layer.findIndex((other) => this.at[other]! > centre);
    layer.splice(after < 0 ? layer.length : after, 0, vertex);
    this.at[vertex] = centre;
    this.#keep(rank, vertex);
  }

  /** Make room in a rank: what was there is heavy, `light` gives way. */
  #keep(rank: number, light = -1): void {
    settle(this.graph, this.graph.layers[rank]!, (v) => this.at[v]!, (v) => (v === light ? 1 : 100), this.at);
  }
}
