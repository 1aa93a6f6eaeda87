// The drawing of a whole graph: connected parts laid out each on its own, then packed in rows.
import { Component } from "./component.ts";
import { Growth } from "./growth.ts";
import type { Sketch } from "./layers.ts";
import { plan, type Plan } from "./plan.ts";

const PART_GAP = 28;

/** A bend of a long edge: where it passes a rank, from `from` to `to` along. */
export interface Bend {
  readonly across: number;
  readonly from: number;
  readonly to: number;
}

/** Place of one node: centre across, start along, and where its rank ends. */
export interface Place {
  readonly across: number;
  readonly along: number;
  readonly rankEnd: number;
}

/** Positions of all nodes of a graph; grows without moving what need not move. */
export class Layout {
  width = 0;
  length = 0;
  /** Nodes placed by `insert` since the whole was laid out. */
  inserted = 0;
  #parts: Component[] = [];
  #partOf: number[] = [];
  #vertex: number[] = [];
  /** Row of parts that each part stands in. */
  #row: number[] = [];
  #offset: { across: number; along: number }[] = [];

  /** Edges that do not lead onward: those that close a cycle. */
  #backward = 0;

  /** The layout of a graph, as its plan says; parts stand side by side up to `room` across. */
  constructor(
    sketch: Sketch,
    private readonly room: number,
    found: Plan = plan(sketch),
  ) {
    for (const { members, aligned } of found.parts) this.#adopt(members, new Component(aligned));
    this.#pack();
    this.#backward = this.#count(sketch);
  }

  get size(): number {
    return this.#partOf.length;
  }

  /** Where a node is. */
  place(node: number): Place {
    const part = this.#parts[this.#partOf[node]!]!;
    const { across, along } = this.#offset[this.#partOf[node]!]!;
    const vertex = this.#vertex[node]!;
    const rank = part.graph.rank[vertex]!;
    const start = along + part.start[rank]!;
    return { across: across + part.at[vertex]!, along: start, rankEnd: start + part.extent[rank]! };
  }

  /** Rank of a node within its part. */
  rank(node: number): number {
    return this.#parts[this.#partOf[node]!]!.graph.rank[this.#vertex[node]!]!;
  }

  /** The ranks that an edge passes between its ends. */
  bends(source: number, target: number): Bend[] {
    const p = this.#partOf[source]!;
    if (p !== this.#partOf[target]) return [];
    const part = this.#parts[p]!;
    const { across, along } = this.#offset[p]!;
    const from = this.#vertex[source]!;
    const steps = part.graph.rank[this.#vertex[target]!]! - part.graph.rank[from]! - 1;
    if (steps <= 0) return [];
    return (part.graph.chain.get(from) ?? []).slice(0, steps).map((dummy) => {
      const start = along + part.start[part.graph.rank[dummy]!]!;
      return { across: across + part.at[dummy]!, from: start, to: start + part.extent[part.graph.rank[dummy]!]! };
    });
  }

  /** Change a node's size in place. */
  resize(node: number, across: number, along: number): void {
    const part = this.#parts[this.#partOf[node]!]!;
    part.resize(this.#vertex[node]!, across, along);
    part.measure();
    this.#pack();
  }

  /**
   * Add the nodes of `sketch` beyond those that are there, and whatever edges are new. What joins parts stands in one of
   * them, below all that it waits for, and no part moves into another. False when an edge would not lead onward: then
   * all must be laid out again.
   */
  insert(sketch: Sketch): boolean {
    const old = this.size;
    const into: number[][] = Array.from({ length: sketch.across.length - old }, () => []);
    const feeds = new Set<number>();
    sketch.targets.forEach((target, edge) => {
      if (target < old) return;
      into[target - old]!.push(sketch.sources[edge]!);
      feeds.add(sketch.sources[edge]!);
    });
    if (into.some((sources, i) => sources.some((source) => source >= old + i))) return false;
    const growth = new Growth(sketch, this.#parts, this.#partOf, this.#vertex, this.#offset);
    // a new beginning stands beside what else its first consumer waits for
    into.forEach((sources, i) => (sources.length > 0 || !feeds.has(old + i)) && growth.add(old + i, sources));
    growth.connect();
    for (const part of growth.touched) part.measure();
    this.inserted += into.length;
    this.#pack();
    const backward = this.#count(sketch);
    if (backward > this.#backward) return false;
    this.#backward = backward;
    return true;
  }

  /** How many edges do not lead onward. */
  #count({ sources, targets, along }: Sketch): number {
    let many = 0;
    for (let edge = 0; edge < sources.length; edge++) {
      const source = sources[edge]!;
      if (this.#begin(targets[edge]!) < this.#begin(source) + along[source]!) many++;
    }
    return many;
  }

  #begin(node: number): number {
    const p = this.#partOf[node]!;
    const part = this.#parts[p]!;
    return this.#offset[p]!.along + part.start[part.graph.rank[this.#vertex[node]!]!]!;
  }

  #adopt(members: readonly number[], part: Component): void {
    members.forEach((member, vertex) => {
      this.#partOf[member] = this.#parts.length;
      this.#vertex[member] = vertex;
    });
    this.#parts.push(part);
  }

  /** Side by side in rows; a part that has grown stays in its row. */
  #pack(): void {
    const widest = this.#parts.reduce((most, part) => Math.max(most, part.width), this.room);
    let across = 0;
    let along = 0;
    let tall = 0;
    let row = 0;
    this.width = 0;
    this.#offset = this.#parts.map((part, p) => {
      if (across > 0 && (this.#row[p] ?? (across + part.width > widest ? row + 1 : row)) > row) {
        across = 0;
        along += tall + PART_GAP;
        tall = 0;
        row++;
      }
      this.#row[p] = row;
      const offset = { across, along };
      across += part.width + PART_GAP;
      tall = Math.max(tall, part.length);
      this.width = Math.max(this.width, offset.across + part.width);
      return offset;
    });
    this.length = along + tall;
  }
}
