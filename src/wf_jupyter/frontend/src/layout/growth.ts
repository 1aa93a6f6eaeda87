// New nodes find their places among those that stay where they are.
import { Component } from "./component.ts";
import type { Sketch } from "./layers.ts";
import { aligned } from "./plan.ts";

/** Adds nodes to the parts of a layout, whose lists it completes. */
export class Growth {
  /** Parts that must be measured again. */
  readonly touched = new Set<Component>();

  constructor(
    private readonly sketch: Sketch,
    private readonly parts: Component[],
    private readonly partOf: number[],
    private readonly vertex: number[],
    private readonly offset: readonly { readonly along: number }[],
  ) {}

  /** Place a node below its sources; those of them that have no place yet come with it. */
  add(node: number, sources: readonly number[]): void {
    const waiting = sources.filter((source) => this.partOf[source] === undefined);
    const placed = sources.filter((source) => this.partOf[source] !== undefined);
    if (placed.length === 0) {
      const first = waiting.shift() ?? node;
      this.#begin(first);
      if (first === node) return;
      placed.push(first);
    }
    const home = this.#home(placed);
    const part = this.parts[home]!;
    const own = placed.flatMap((source) => (this.partOf[source] === home ? [this.vertex[source]!] : []));
    let rank = part.below(own);
    for (const source of placed) {
      if (this.partOf[source] !== home) rank = Math.max(rank, part.rankFrom(this.#end(source) - this.#along(home)));
    }
    const beside = [...own];
    for (const source of waiting) own.push(this.#place(source, home, rank - 1, [], beside));
    this.#place(node, home, rank, own, beside);
  }

  /** Give every edge within a part a way past the ranks between. */
  connect(): void {
    const { sources, targets } = this.sketch;
    for (let edge = 0; edge < sources.length; edge++) {
      const [source, target] = [sources[edge]!, targets[edge]!];
      const p = this.partOf[source]!;
      const { graph } = this.parts[p]!;
      const v = this.vertex[source]!;
      const steps = graph.rank[this.vertex[target]!]! - graph.rank[v]! - 1;
      if (p !== this.partOf[target] || steps <= (graph.chain.get(v)?.length ?? 0)) continue;
      this.parts[p]!.extend(v, graph.rank[v]! + steps + 1);
      this.touched.add(this.parts[p]!);
    }
  }

  /** The part whose sources end last: what is below them is onward from all. */
  #home(sources: readonly number[]): number {
    const last = sources.reduce((best, source) => (this.#end(source) > this.#end(best) ? source : best));
    return this.partOf[last]!;
  }

  #end(node: number): number {
    const p = this.partOf[node]!;
    const part = this.parts[p]!;
    const rank = part.graph.rank[this.vertex[node]!]!;
    if (part.start[rank] === undefined) part.measure();
    return this.#along(p) + part.start[rank]! + part.extent[rank]!;
  }

  /** Where a part begins; one that is new has no place yet. */
  #along(part: number): number {
    return this.offset[part]?.along ?? 0;
  }

  /** A new part with one node. */
  #begin(node: number): void {
    const { across, along } = this.sketch;
    this.partOf[node] = this.parts.length;
    this.vertex[node] = 0;
    this.parts.push(new Component(aligned({ across: [across[node]!], along: [along[node]!], sources: [], targets: [] })));
  }

  #place(node: number, home: number, rank: number, sources: readonly number[], beside: readonly number[]): number {
    const { across, along } = this.sketch;
    const part = this.parts[home]!;
    this.partOf[node] = home;
    this.touched.add(part);
    return (this.vertex[node] = part.insert(across[node]!, along[node]!, rank, sources, beside));
  }
}
