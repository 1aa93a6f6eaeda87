// A canvas larger than its window: while a person pans or zooms it is only shifted, and painted again at rest.
import { html } from "./element.ts";
import type { View } from "./viewport.ts";

const MOST_PIXELS = 8e6;
/** Part of the window that the sheet reaches beyond each edge. */
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
  #canvas: HTMLCanvasElement | null = null;
  #painted: View | null = null;
  #width = 0;
  #height = 0;

  constructor(private readonly place: (canvas: HTMLCanvasElement) => void) {}

  get isPainted(): boolean {
    return this.#painted !== null;
  }

  /** Shift what is painted to `view`; false when that does not fill the window, or not sharply enough. */
  follow(view: View, width: number, height: number): boolean {
    const painted = this.#painted;
    if (painted === null || width !== this.#width || height !== this.#height) return false;
    const zoom = view.scale / painted.scale;
    const x = view.x - (painted.x + width * MARGIN) * zoom;
    const y = view.y - (painted.y + height * MARGIN) * zoom;
    this.#canvas!.style.transform = `translate(${x}px, ${y}px) scale(${zoom})`;
    const [right, bottom] = [x + width * (1 + 2 * MARGIN) * zoom, y + height * (1 + 2 * MARGIN) * zoom];
    return zoom < 1.6 && zoom > 0.5 && x <= 0 && y <= 0 && right >= width && bottom >= height;
  }

  /** An empty sheet for `view`, ready to be painted on in the drawing's coordinates. */
  begin(view: View, width: number, height: number): CanvasRenderingContext2D | null {
    if (this.#canvas === null) this.place((this.#canvas = html("canvas", "wfj-far", { "aria-hidden": "true" })));
    const canvas = this.#canvas;
    const [w, h] = [width * (1 + 2 * MARGIN), height * (1 + 2 * MARGIN)];
    const ratio = Math.min(2, devicePixelRatio || 1, Math.sqrt(MOST_PIXELS / (w * h)));
    const [across, along] = [Math.round(w * ratio), Math.round(h * ratio)];
    if (canvas.width !== across) canvas.width = across;
    if (canvas.height !== along) canvas.height = along;
    canvas.style.width = `${w}px`;
    canvas.style.height = `${h}px`;
    this.#painted = { ...view };
    this.#width = width;
    this.#height = height;
    this.follow(view, width, height);
    const context = canvas.getContext("2d");
    if (context === null) return null;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, across, along);
    this.#transform(context, across / w);
    return context;
  }

  /** The sheet as it is, to paint more on it; null when there is none. */
  more(): CanvasRenderingContext2D | null {
    return this.#painted === null ? null : (this.#canvas?.getContext("2d") ?? null);
  }

  /** What the sheet shows of the drawing. */
  get region(): Region {
    const { scale, x, y } = this.#painted!;
    const at = (low: number, share: number, size: number): number => (share * size - low) / scale;
    return {
      left: at(x, -MARGIN, this.#width),
      top: at(y, -MARGIN, this.#height),
      right: at(x, 1 + MARGIN, this.#width),
      bottom: at(y, 1 + MARGIN, this.#height),
    };
  }

  /** Take the canvas away and free its memory. */
  drop(): void {
    this.#painted = null;
    if (this.#canvas === null) return;
    this.#canvas.width = this.#canvas.height = 0;
    this.#canvas.remove();
    this.#canvas = null;
  }

  #transform(context: CanvasRenderingContext2D, ratio: number): void {
    const { scale, x, y } = this.#painted!;
    const left = (x + this.#width * MARGIN) * ratio;
    const top = (y + this.#height * MARGIN) * ratio;
    context.setTransform(scale * ratio, 0, 0, scale * ratio, left, top);
  }
}
