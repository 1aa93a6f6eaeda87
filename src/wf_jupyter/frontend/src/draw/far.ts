// Graphs too large for DOM: curves and boxes on one canvas under the cards.
import { FAILED, SUCCEEDED } from "../fold/statuses.ts";
import type { Route } from "./edges.ts";
import { html } from "./element.ts";
import { octagon } from "./icons.ts";
import type { Palette } from "./palette.ts";
import type { Box } from "./scene.ts";
import type { View } from "./viewport.ts";

const MOST_EDGES = 8_000;
const MOST_PIXELS = 8e6;
/** Scale below which curves would be nothing but a haze. */
const CURVES = 0.06;

/** Paints what has no card. Nothing is kept on the page while there is nothing to paint. */
export class FarLayer {
  #canvas: HTMLCanvasElement | null = null;
  #routes: readonly Route[] = [];
  #curves: Path2D[] | null = null;
  #boxes: readonly Box[] = [];

  constructor(
    private readonly window: HTMLElement,
    private readonly above: HTMLElement,
  ) {}

  /** The drawing in its own coordinates; empty routes mean that all of it is DOM. */
  load(routes: readonly Route[], boxes: readonly Box[]): void {
    this.#boxes = boxes;
    const step = Math.max(1, Math.ceil(routes.length / MOST_EDGES));
    this.#routes = routes.filter((_, i) => i % step === 0);
    this.#curves = null;
    if (routes.length === 0) this.dispose();
  }

  /** Paint all boxes by status, and the curves behind them. */
  paint(view: View, palette: Palette, statusOf: (node: number) => number): void {
    const [width, height] = [this.window.clientWidth, this.window.clientHeight];
    if (width === 0 || height === 0) return;
    const canvas = this.#ready(width, height);
    const context = canvas.getContext("2d");
    if (context === null) return;
    const ratio = canvas.width / width;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    context.setTransform(view.scale * ratio, 0, 0, view.scale * ratio, view.x * ratio, view.y * ratio);
    if (view.scale >= CURVES) this.#paintCurves(context, view, palette);
    this.#paintBoxes(context, view, width, height, palette, statusOf);
  }

  dispose(): void {
    if (this.#canvas === null) return;
    this.#canvas.width = this.#canvas.height = 0;
    this.#canvas.remove();
    this.#canvas = null;
  }

  #paintCurves(context: CanvasRenderingContext2D, view: View, palette: Palette): void {
    this.#curves ??= this.#routes.map(({ line }) => new Path2D(line));
    context.strokeStyle = palette.line;
    context.globalAlpha = Math.min(1, 0.25 + view.scale);
    context.lineWidth = Math.max(1.4, 0.7 / view.scale);
    for (const curve of this.#curves) context.stroke(curve);
    context.globalAlpha = 1;
  }

  #paintBoxes(
    context: CanvasRenderingContext2D,
    view: View,
    width: number,
    height: number,
    palette: Palette,
    statusOf: (node: number) => number,
  ): void {
    const byStatus: Box[][] = palette.status.map(() => []);
    this.#boxes.forEach((box, node) => {
      const [left, top] = [box.x * view.scale + view.x, box.y * view.scale + view.y];
      if (left > width || top > height || left + box.width * view.scale < 0 || top + box.height * view.scale < 0) return;
      byStatus[statusOf(node)]!.push(box);
    });
    byStatus.forEach((boxes, status) => {
      context.fillStyle = status === SUCCEEDED ? palette.soft : palette.status[status]!;
      for (const box of boxes) context.fillRect(box.x, box.y, box.width, box.height);
    });
    const radius = 6 / view.scale;
    context.fillStyle = palette.status[FAILED]!;
    context.strokeStyle = palette.area;
    context.lineWidth = 1.5 / view.scale;
    for (const box of byStatus[FAILED]!) {
      octagon(context, box.x + box.width / 2, box.y + box.height / 2, radius);
      context.fill();
      context.stroke();
    }
  }

  #ready(width: number, height: number): HTMLCanvasElement {
    if (this.#canvas === null) {
      this.#canvas = html("canvas", "wfj-far", { "aria-hidden": "true" });
      this.above.before(this.#canvas);
    }
    const ratio = Math.min(2, devicePixelRatio || 1, Math.sqrt(MOST_PIXELS / (width * height)));
    const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (this.#canvas.width !== w) this.#canvas.width = w;
    if (this.#canvas.height !== h) this.#canvas.height = h;
    return this.#canvas;
  }
}
