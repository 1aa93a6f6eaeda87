// The curves of all edges as numbers: points along each, and the rectangle it keeps to.
import type { Drawn } from "../layout/visible-graph.ts";
import type { Layout } from "../layout/layout.ts";
import { ports } from "./ports.ts";
import type { Region } from "./canvas-region.ts";

/** Sizes of a node across and along. */
export interface Sizes {
  readonly across: readonly number[];
  readonly along: readonly number[];
}

const HEAD = 6;
const WING = 4.2;

/**
 * Out of the end of a card, straight past the ranks between, into the start of the next, from left to right.
 * With `heads` edges end in arrow heads, and those of one card lie side by side.
 * Points of edge `e`: pairs from `start[e]` to `start[e + 1]` of `points`; every second stretch is straight.
 */
export class Ways {
  readonly #start: Int32Array;
  readonly #points: Float32Array;
  readonly #bounds: Float32Array;

  constructor(
    graph: Drawn,
    layout: Layout,
    sizes: Sizes,
    private readonly heads: boolean,
  ) {
    const points: number[] = [];
    this.#start = new Int32Array(graph.sources.length + 1);
    this.#bounds = new Float32Array(graph.sources.length * 4);
    const add = (across: number, along: number): void => void points.push(along, across);
    const [out, into] = heads ? ports(graph, layout, sizes.across) : [null, null];
    graph.sources.forEach((source, edge) => {
      const target = graph.targets[edge]!;
      const [from, to] = [layout.place(source), layout.place(target)];
      const leaves = out?.[edge] ?? from.across;
      add(leaves, from.along + sizes.along[source]!);
      add(leaves, from.rankEnd);
      for (const bend of layout.bends(source, target)) {
        add(bend.across, bend.from);
        add(bend.across, bend.to);
      }
      add(into?.[edge] ?? to.across, to.along);
      this.#start[edge + 1] = points.length;
      this.#bound(edge, points);
    });
    this.#points = Float32Array.from(points);
  }

  get count(): number {
    return this.#start.length - 1;
  }

  /** Whether an edge may pass through a region. */
  passes(edge: number, { left, top, right, bottom }: Region): boolean {
    const b = edge * 4;
    const bounds = this.#bounds;
    return bounds[b]! < right && bounds[b + 2]! > left && bounds[b + 1]! < bottom && bounds[b + 3]! > top;
  }

  /** Add an edge to the path of a canvas. */
  trace(context: CanvasRenderingContext2D, edge: number): void {
    const points = this.#points;
    const end = this.#start[edge + 1]!;
    const short = this.heads ? HEAD : 0;
    let p = this.#start[edge]!;
    let [x, y] = [points[p]!, points[p + 1]!];
    context.moveTo(x, y);
    for (let straight = true; (p += 2) < end; straight = !straight) {
      const last = p + 2 === end ? short : 0;
      const [toX, toY] = [points[p]! - last, points[p + 1]!];
      if (straight || Math.abs(toY - y) < 1) context.lineTo(toX, toY);
      else context.bezierCurveTo((x + toX) / 2, y, (x + toX) / 2, toY, toX, toY);
      [x, y] = [toX, toY];
    }
  }

  /** Add the head of an edge to the path of a canvas, if it has one. */
  head(context: CanvasRenderingContext2D, edge: number): void {
    if (!this.heads) return;
    const end = this.#start[edge + 1]!;
    const [x, y] = [this.#points[end - 2]!, this.#points[end - 1]!];
    const back = HEAD + 0.5;
    context.moveTo(x, y);
    for (const side of [-WING, WING]) context.lineTo(x - back, y - side);
    context.closePath();
  }

  #bound(edge: number, points: readonly number[]): void {
    const b = edge * 4;
    const bounds = this.#bounds;
    bounds[b] = bounds[b + 1] = Number.POSITIVE_INFINITY;
    bounds[b + 2] = bounds[b + 3] = Number.NEGATIVE_INFINITY;
    for (let p = this.#start[edge]!; p < points.length; p += 2) {
      // a straight line has a width, too
      bounds[b] = Math.min(bounds[b]!, points[p]! - WING);
      bounds[b + 1] = Math.min(bounds[b + 1]!, points[p + 1]! - WING);
      bounds[b + 2] = Math.max(bounds[b + 2]!, points[p]! + WING);
      bounds[b + 3] = Math.max(bounds[b + 3]!, points[p + 1]! + WING);
    }
  }
}
