// Zoom and pan of a drawing inside its window. Nothing moves unless somebody asks for it.

const LEAST = 0.05;
const MOST = 2;

/** A rectangle of the drawing. */
export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Where the drawing stands: screen = drawing × scale + (x, y). */
export interface View {
  scale: number;
  x: number;
  y: number;
}

/** Turns wheel, drag and buttons into a view; `moved` is called after each change. */
export class Viewport {
  readonly view: View = { scale: 1, x: 0, y: 0 };
  /** Whether a person has zoomed or panned: from then on nothing fits itself. */
  touched = false;
  #drag: { id: number; x: number; y: number; far: boolean } | null = null;

  constructor(
    private readonly window: HTMLElement,
    private readonly moved: () => void,
    signal: AbortSignal,
    /** Asked before a zoom, or a pan (factor 1): true when it is taken care of. */
    private readonly taken: (factor: number, x: number, y: number) => boolean,
  ) {
    window.addEventListener("wheel", (event) => this.#wheel(event), { passive: false, signal });
    window.addEventListener("pointerdown", (event) => this.#down(event), { signal });
    window.addEventListener("pointermove", (event) => this.#move(event), { signal });
    for (const name of ["pointerup", "pointercancel"] as const) {
      window.addEventListener(name, () => (this.#drag = null), { signal });
    }
    // a drag that ends on a card is not a click on it
    window.addEventListener("click", (event) => this.#afterDrag && event.stopPropagation(), { capture: true, signal });
  }

  #afterDrag = false;

  /** Set scale and place. */
  set(view: View): void {
    Object.assign(this.view, view);
    this.moved();
  }

  /** Zoom by a factor around a point of the window, by default its middle. */
  zoom(factor: number, x = this.window.clientWidth / 2, y = this.window.clientHeight / 2): void {
    if (this.taken(factor, x, y)) return;
    const { view } = this;
    const scale = Math.min(MOST, Math.max(LEAST, view.scale * factor));
    const change = scale / view.scale;
    this.touched = true;
    this.set({ scale, x: x - (x - view.x) * change, y: y - (y - view.y) * change });
  }

  /** Shift by screen pixels. */
  pan(dx: number, dy: number): void {
    if (this.taken(1, 0, 0)) return;
    this.touched = true;
    this.set({ ...this.view, x: this.view.x + dx, y: this.view.y + dy });
  }

  /** Move as little as needed so that a box of the drawing is inside the window. */
  reveal(box: Box, margin = 24): void {
    const { scale, x, y } = this.view;
    const shift = (low: number, size: number, room: number): number => {
      if (low < margin || size > room - 2 * margin) return margin - low;
      return Math.min(0, room - margin - low - size);
    };
    const dx = shift(box.x * scale + x, box.width * scale, this.window.clientWidth);
    const dy = shift(box.y * scale + y, box.height * scale, this.window.clientHeight);
    if (dx !== 0 || dy !== 0) this.set({ scale, x: x + dx, y: y + dy });
  }

  #wheel(event: WheelEvent): void {
    if (!event.ctrlKey && !event.metaKey) return; // the notebook scrolls
    event.preventDefault();
    event.stopPropagation();
    const box = this.window.getBoundingClientRect();
    const step = event.deltaMode === 1 ? event.deltaY * 16 : event.deltaY;
    this.zoom(Math.exp(-Math.max(-60, Math.min(60, step)) * 0.006), event.clientX - box.left, event.clientY - box.top);
  }

  #down(event: PointerEvent): void {
    this.#afterDrag = false;
    const target = event.target as Element;
    if (event.button !== 0 || target.closest("button, input")) return;
    this.#drag = { id: event.pointerId, x: event.clientX, y: event.clientY, far: false };
  }

  #move(event: PointerEvent): void {
    const drag = this.#drag;
    if (drag === null || drag.id !== event.pointerId) return;
    const [dx, dy] = [event.clientX - drag.x, event.clientY - drag.y];
    if (!drag.far && Math.hypot(dx, dy) < 4) return;
    if (!drag.far) this.window.setPointerCapture?.(drag.id);
    this.#drag = { ...drag, x: event.clientX, y: event.clientY, far: true };
    this.#afterDrag = true;
    this.pan(dx, dy);
  }
}
