// A canvas larger than its window: while a person pans or zooms it is only shifted, and painted again at rest.
import { html } from "./element.ts";
import type { View } from "./viewport.ts";

const MOST_PIXELS = 8e6;
/** Part of the window that the sheet reaches beyond each edge, as far as there is anything to show. */
const MARGIN = 0.5;

/** Part of the drawing, in its own coordinates. */
export interface Region {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** One canvas. Nothing is kept of it while it is not used. */
export class Sheet {
  /** What of the drawing the canvas covers. */
  region: Region = { left: 0, top: 0, right: 0, bottom: 0 };
  /** The scale at which it was painted; 0 when it is blank. */
  scale = 0;
  #canvas: HTMLCanvasElement | null = null;

  /** `extent` tells the part of the drawing outside which there is nothing. */
  constructor(
    private readonly place: (canvas: HTMLCanvasElement) => void,
    private readonly extent: () => Region,
  ) {}

  /** Shift what is painted to `view`; false when that does not show all of the window, or not sharply enough. */
  follow(view: View, width: number, height: number): boolean {
    if (this.scale === 0) return false;
    const zoom = view.scale / this.scale;
    const { left, top, right, bottom } = this.region;
    this.#canvas!.style.transform = `translate(${left * view.scale + view.x}px, ${top * view.scale + view.y}px) scale(${zoom})`;
    const seen = this.#part(view, width, height, 0);
    return zoom < 1.6 && zoom > 0.5 && seen.left >= left && seen.top >= top && seen.right <= right && seen.bottom <= bottom;
  }

  /** An empty sheet for `view`, ready to be painted on in the drawing's coordinates. */
  begin(view: View, width: number, height: number): CanvasRenderingContext2D | null {
    if (this.#canvas === null) this.place((this.#canvas = html("canvas", "wfj-far", { "aria-hidden": "true" })));
    const canvas = this.#canvas;
    const { left, top, right, bottom } = (this.region = this.#part(view, width, height, MARGIN));
    this.scale = view.scale;
    const [wide, tall] = [Math.max(1, (right - left) * view.scale), Math.max(1, (bottom - top) * view.scale)];
    const ratio = Math.min(2, devicePixelRatio || 1, Math.sqrt(MOST_PIXELS / (wide * tall)));
    const [across, along] = [Math.ceil(wide * ratio), Math.ceil(tall * ratio)];
    if (canvas.width !== across) canvas.width = across;
    if (canvas.height !== along) canvas.height = along;
    canvas.style.width = `${across / ratio}px`;
    canvas.style.height = `${along / ratio}px`;
    this.follow(view, width, height);
    const context = canvas.getContext("2d");
    if (context === null) return null;
    const scale = view.scale * ratio;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, across, along);
    context.setTransform(scale, 0, 0, scale, -left * scale, -top * scale);
    return context;
  }

  /** The sheet as it is, to paint more on it; null when there is none. */
  more(): CanvasRenderingContext2D | null {
    return this.scale === 0 ? null : (this.#canvas?.getContext("2d") ?? null);
  }

  /** What is painted is not right any more. */
  spoil(): void {
    this.scale = 0;
  }

  /** Let the sheet be seen, or not yet. */
  show(shown: boolean): void {
    if (this.#canvas !== null) this.#canvas.style.visibility = shown ? "" : "hidden";
  }

  /** Take the canvas away and free its memory. */
  drop(): void {
    this.scale = 0;
    if (this.#canvas === null) return;
    this.#canvas.width = this.#canvas.height = 0;
    this.#canvas.remove();
    this.#canvas = null;
  }

  /** What a window with a margin shows of the drawing. */
  #part({ scale, x, y }: View, width: number, height: number, margin: number): Region {
    const { left, top, right, bottom } = this.extent();
    const within = (low: number, at: number, high: number): number => Math.min(high, Math.max(low, at));
    return {
      left: within(left, (-margin * width - x) / scale, right),
      top: within(top, (-margin * height - y) / scale, bottom),
      right: within(left, ((1 + margin) * width - x) / scale, right),
      bottom: within(top, ((1 + margin) * height - y) / scale, bottom),
    };
  }
}

/** Whether a box of the drawing lies in a region; `b` is where its four numbers begin. */
export function inside(boxes: Float32Array, b: number, { left, top, right, bottom }: Region): boolean {
  return boxes[b]! < right && boxes[b]! + boxes[b + 2]! > left && boxes[b + 1]! < bottom && boxes[b + 1]! + boxes[b + 3]! > top;
}
