// A large graph from a middle distance: every node a block of its status, on a canvas.
import { FAILED, PENDING, SUCCEEDED } from "../fold/statuses.ts";
import { octagon } from "./icons.ts";
import type { Palette } from "./palette.ts";
import type { Scene } from "./scene.ts";
import { inside, Sheet } from "./canvas-region.ts";
import type { View } from "./viewport.ts";

const REST_MS = 110;
/** More changes than this at once: painting everything is quicker. */
const MANY = 1_500;

/** Paints blocks. */
export class BlockLayer {
  readonly #sheet: Sheet;
  #view: View = { scale: 1, x: 0, y: 0 };
  #rest: ReturnType<typeof setTimeout> | undefined;
  #width = 0;
  #height = 0;

  constructor(
    above: HTMLElement,
    private readonly scene: Scene,
    private readonly palette: () => Palette,
    private readonly statusOf: (node: number) => number,
  ) {
    this.#sheet = new Sheet((canvas) => above.before(canvas), () => scene.extent);
  }

  /** The scene has other nodes or places. */
  reload(): void {
    this.#sheet.spoil();
  }

  /** Show this view. */
  look(view: View, width: number, height: number): void {
    this.#view = { ...view };
    this.#width = width;
    this.#height = height;
    if (!this.#sheet.follow(view, width, height)) this.repaint();
    clearTimeout(this.#rest);
    if (this.#sheet.scale !== view.scale) this.#rest = setTimeout(() => this.repaint(), REST_MS);
  }

  /** These nodes have another status. */
  touch(nodes: ReadonlySet<number>): void {
    const context = this.#sheet.more();
    if (context === null) return;
    if (nodes.size > MANY) return this.repaint();
    const { region } = this.#sheet;
    const { boxes } = this.scene;
    for (const node of nodes) {
      const b = node * 4;
      if (!inside(boxes, b, region)) continue;
      context.clearRect(boxes[b]! - 1, boxes[b + 1]! - 1, boxes[b + 2]! + 2, boxes[b + 3]! + 2);
      this.#block(context, node);
    }
    for (const node of nodes) if (this.statusOf(node) === FAILED && inside(boxes, node * 4, region)) this.#mark(context, node);
  }

  /** Everything anew, at the place where it is. */
  repaint(): void {
    if (this.#width === 0 || this.#height === 0) return;
    const context = this.#sheet.begin(this.#view, this.#width, this.#height);
    if (context === null) return;
    const { region } = this.#sheet;
    const { boxes } = this.scene;
    const shown: number[] = [];
    for (let node = 0; node < boxes.length / 4; node++) {
      if (!inside(boxes, node * 4, region)) continue;
      shown.push(node);
      this.#block(context, node);
    }
    for (const node of shown) if (this.statusOf(node) === FAILED) this.#mark(context, node);
  }

  /** Take everything away. */
  drop(): void {
    clearTimeout(this.#rest);
    this.#width = 0;
    this.#sheet.drop();
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
}
