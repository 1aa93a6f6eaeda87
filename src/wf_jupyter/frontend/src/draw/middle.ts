// A large graph from a middle distance: every node a block of its status, edges as thin curves, on two canvases.
import { FAILED, PENDING, SUCCEEDED } from "../fold/statuses.ts";
import { octagon } from "./icons.ts";
import type { Palette } from "./palette.ts";
import type { Scene } from "./scene.ts";
import { Sheet, type Region } from "./sheet.ts";
import type { View } from "./viewport.ts";
import type { Ways } from "./ways.ts";

const MOST_EDGES = 8_000;
/** So many edges are enough while everything moves. */
const MOVING_EDGES = 1_500;
const REST_MS = 110;
/** More changes than this at once: painting everything is quicker. */
const MANY = 1_500;

/** Paints blocks and edges. */
export class MiddleLayer {
  readonly #edges: Sheet;
  readonly #blocks: Sheet;
  #view: View = { scale: 1, x: 0, y: 0 };
  #ways: Ways | null = null;
  #rest: ReturnType<typeof setTimeout> | undefined;
  #cards = false;
  #width = 0;
  #height = 0;

  constructor(
    window: HTMLElement,
    above: HTMLElement,
    private readonly scene: Scene,
    private readonly palette: () => Palette,
    private readonly statusOf: (node: number) => number,
  ) {
    this.#edges = new Sheet((canvas) => window.prepend(canvas));
    this.#blocks = new Sheet((canvas) => above.before(canvas));
  }

  /** The scene has other nodes or places. */
  reload(): void {
    this.#ways = null;
    this.#edges.drop();
    this.#blocks.drop();
  }

  /** Show this view; with `cards` the nodes are on the page already. */
  look(view: View, width: number, height: number, cards: boolean): void {
    this.#view = { ...view };
    this.#width = width;
    this.#height = height;
    if (width === 0 || height === 0) return;
    const changed = cards !== this.#cards;
    this.#cards = cards;
    if (cards) this.#blocks.drop();
    else if (changed || !this.#blocks.follow(view, width, height)) this.#paintBlocks(width, height);
    const begun = this.#edges.isPainted;
    if (!this.#edges.follow(view, width, height)) this.#paintEdges(width, height, begun ? MOVING_EDGES : MOST_EDGES);
    this.#settle();
  }

  /** These nodes have another status. */
  touch(nodes: ReadonlySet<number>): void {
    if (this.#cards) return this.#settle();
    const context = this.#blocks.more();
    if (context === null) return;
    if (nodes.size > MANY) return this.#paintBlocks(this.#width, this.#height);
    const { region } = this.#blocks;
    const { boxes } = this.scene;
    for (const node of nodes) {
      if (!inside(boxes, node, region)) continue;
      const b = node * 4;
      context.clearRect(boxes[b]! - 1, boxes[b + 1]! - 1, boxes[b + 2]! + 2, boxes[b + 3]! + 2);
      this.#block(context, node);
    }
    for (const node of nodes) if (this.statusOf(node) === FAILED && inside(boxes, node, region)) this.#mark(context, node);
  }

  /** Everything anew, at the place where it is. */
  repaint(): void {
    const [width, height] = [this.#width, this.#height];
    if (width === 0 || height === 0) return;
    if (!this.#cards) this.#paintBlocks(width, height);
    this.#paintEdges(width, height, MOST_EDGES);
  }

  /** Take everything away. */
  drop(): void {
    clearTimeout(this.#rest);
    this.#rest = undefined;
    this.reload();
  }

  #settle(): void {
    clearTimeout(this.#rest);
    this.#rest = setTimeout(() => this.repaint(), REST_MS);
  }

  #paintBlocks(width: number, height: number): void {
    const context = this.#blocks.begin(this.#view, width, height);
    if (context === null) return;
    const { region } = this.#blocks;
    const { boxes } = this.scene;
    const many = boxes.length / 4;
    const shown: number[] = [];
    for (let node = 0; node < many; node++) {
      if (!inside(boxes, node, region)) continue;
      shown.push(node);
      this.#block(context, node);
    }
    for (const node of shown) if (this.statusOf(node) === FAILED) this.#mark(context, node);
  }

  #block(context: CanvasRenderingContext2D, node: number): void {
    const { boxes } = this.scene;
    const palette = this.palette();
    const status = this.statusOf(node);
    const b = node * 4;
    const color = status === SUCCEEDED ? palette.soft : status === PENDING ? palette.track : palette.status[status]!;
    if (context.fillStyle !== color) context.fillStyle = color;
    context.fillRect(boxes[b]!, boxes[b + 1]!, boxes[b + 2]!, boxes[b + 3]!);
  }

  #mark(context: CanvasRenderingContext2D, node: number): void {
    const { boxes } = this.scene;
    const palette = this.palette();
    const { scale } = this.#view;
    const b = node * 4;
    context.fillStyle = palette.status[FAILED]!;
    context.strokeStyle = palette.area;
    context.lineWidth = 1.5 / scale;
    octagon(context, boxes[b]! + boxes[b + 2]! / 2, boxes[b + 1]! + boxes[b + 3]! / 2, 6 / scale);
    context.fill();
    context.stroke();
  }

  #paintEdges(width: number, height: number, most: number): void {
    const context = this.#edges.begin(this.#view, width, height);
    if (context === null) return;
    const ways = (this.#ways ??= this.scene.ways());
    const { region } = this.#edges;
    const passing: number[] = [];
    for (let edge = 0; edge < ways.count; edge++) if (ways.passes(edge, region)) passing.push(edge);
    const step = Math.max(1, Math.ceil(passing.length / most));
    const { scale } = this.#view;
    context.strokeStyle = this.palette().line;
    context.globalAlpha = Math.min(1, (0.3 + scale) * Math.min(2, Math.sqrt(step)));
    context.lineWidth = Math.max(1.5, 0.8 / scale);
    // a path of thousands of curves is slow to fill in; one of a hundred is not
    for (let i = 0, traced = 0; i < passing.length; i += step, traced++) {
      if (traced % 100 === 0) {
        if (traced > 0) context.stroke();
        context.beginPath();
      }
      ways.trace(context, passing[i]!);
    }
    context.stroke();
    context.globalAlpha = 1;
  }
}

function inside(boxes: Float32Array, node: number, { left, top, right, bottom }: Region): boolean {
  const b = node * 4;
  return boxes[b]! < right && boxes[b]! + boxes[b + 2]! > left && boxes[b + 1]! < bottom && boxes[b + 1]! + boxes[b + 3]! > top;
}
