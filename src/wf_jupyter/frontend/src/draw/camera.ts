// Where the drawing stands in its window: fitted by itself until a person moves it; far out it is an overview.
import { setText } from "./element.ts";
import type { Scene } from "./scene.ts";
import { NEAR, type Stage } from "./stage.ts";
import { Viewport, type Box } from "./viewport.ts";

export const PADDING = 20;
const TALLEST = 540;
const LOWEST = 96;
/** Below a drawing that is wider than its window: there stands what lies beyond the edges, and covers no card. */
const HINTS = 28;
/** Fits by itself down to this scale; a larger graph starts readable and is panned. */
const READABLE = 0.92;
/** Texts of 12 px are at least 11 on the screen. */
const COMFORTABLE = 0.92;
/** Below this scale a card is a speck: a large graph is shown as an overview instead. */
const SPECK = 0.11;
const ENTERED = 0.18;
const STEP = 1.25;

/** Zooms, pans and fits. */
export class Camera {
  readonly #viewport: Viewport;
  #tallest = TALLEST;
  #wanted: number | null = null;
  #width = 0;
  #height = 0;

  constructor(
    private readonly window: HTMLElement,
    private readonly scene: Scene,
    private readonly stage: Stage,
    private readonly percent: HTMLElement,
    signal: AbortSignal,
    /** The overview was entered or left. */
    private readonly changed: () => void,
    /** The drawing stands elsewhere. */
    private readonly stands: () => void,
    /** The node that one wants to see first, or -1. */
    private readonly foremost: () => number,
  ) {
    this.#viewport = new Viewport(window, () => this.#moved(), signal, (factor, x, y) => this.#pass(factor, x, y));
  }

  /** Limit the height, in pixels; 0 for the default. */
  set tallest(pixels: number) {
    this.#tallest = pixels > 0 ? pixels : TALLEST;
  }

  get tallest(): number {
    return this.#tallest;
  }

  /** Width of the window as of the last `measure`: asking the page at every turn would lay it out every time. */
  get width(): number {
    return this.#width || this.measure();
  }

  /** How wide a drawing may be that is still seen whole and read. */
  get comfortable(): number {
    return (this.width - 2 * PADDING) / READABLE;
  }

  /** Ask the page how wide the window is; hidden, it is as wide as it was. */
  measure(): number {
    return (this.#width = this.window.clientWidth || this.#width);
  }

  /** Zoom in (1) or out (-1) by one step. */
  zoom(direction: 1 | -1): void {
    this.#viewport.zoom(STEP ** direction);
  }

  /** Show the whole graph. */
  fit(): void {
    this.#viewport.touched = false;
    this.place(true);
  }

  /** From now on the drawing fits itself again. */
  release(): void {
    this.#viewport.touched = false;
  }

  /** Give the window its height and, unless a person has moved it, the drawing its place. */
  place(all = false): void {
    const { width } = this;
    if (this.scene.isEmpty || width === 0) return;
    const { width: w, height: h } = this.scene;
    const across = Math.min(1, (width - 2 * PADDING) / Math.max(1, w));
    const whole = Math.min(across, (this.#tallest - 2 * PADDING) / Math.max(1, h));
    const { touched, view } = this.#viewport;
    const distant = this.stage.isFar && (!this.scene.isPlaced || whole < SPECK);
    this.stage.isOverview = distant && (!touched || this.stage.isOverview || !this.scene.isPlaced);
    if (this.stage.isOverview) return this.#survey(whole);
    const readable = across < READABLE ? COMFORTABLE : Math.max(whole, Math.min(across, READABLE));
    const scale = touched ? view.scale : all || this.stage.isFar ? whole : readable;
    const below = w * scale + 2 * PADDING > width ? HINTS : 0;
    const wanted = Math.round(Math.min(this.#tallest, Math.max(LOWEST, h * scale + 2 * PADDING + below)));
    const height = touched ? Math.max(wanted, this.#height) : wanted;
    this.#resize(height);
    if (touched) return this.#moved();
    const x = Math.max(PADDING, (width - w * scale) / 2);
    const y = Math.max(PADDING, (height - below - h * scale) / 2);
    const first = all ? -1 : this.foremost();
    if (first < 0) return this.#viewport.set({ scale, x, y });
    const box = this.scene.box(first);
    const begin = (at: number, size: number, whole: number, room: number, usual: number): number =>
      whole * scale + 2 * PADDING <= room ? usual : Math.min(PADDING, Math.max(room - PADDING - whole * scale, room / 2 - (at + size / 2) * scale));
    this.#viewport.set({ scale, x: begin(box.x, box.width, w, width, x), y: begin(box.y, box.height, h, height - below, y) });
  }

  get height(): number {
    return this.#height;
  }

  get scale(): number {
    return this.#viewport.view.scale;
  }

  /** A person has opened a card, and the drawing no longer fits: the card stays where it was. */
  hold(node: number, { x, y }: Box, scale: number): void {
    const { width, height } = this.scene;
    if (width * scale + 2 * PADDING <= this.#width && height * scale + 2 * PADDING <= this.#height) return;
    const box = this.scene.box(node);
    this.#viewport.touched = true;
    this.#viewport.set({ scale, x: x - box.x * scale, y: y - box.y * scale });
  }

  /** A box of the drawing as it stands in the window. */
  onScreen(box: Box): Box {
    const { scale, x, y } = this.#viewport.view;
    return { x: box.x * scale + x, y: box.y * scale + y, width: box.width * scale, height: box.height * scale };
  }

  /** Bring a node into the window, near enough to be a card; later, if it has no place yet. */
  reveal(node: number): void {
    if (this.scene.isEmpty || !this.window.isConnected || this.width === 0) return;
    this.#wanted = this.scene.isPlaced ? null : node;
    if (!this.scene.isPlaced) return;
    const { scale } = this.#viewport.view;
    if (!this.stage.isSmall && (this.stage.isOverview || scale < NEAR)) this.#centre(node, COMFORTABLE);
    else this.#viewport.reveal(this.scene.box(node));
  }

  /** The nodes have found their places; returns the one that is waited for. */
  placed(): number | null {
    this.place();
    const node = this.#wanted;
    if (node !== null) this.reveal(node);
    return node;
  }

  /** From the overview to the cards at a point of the window. */
  enter(x: number, y: number, scale = COMFORTABLE): void {
    const nodes = this.stage.barcode.hit(x, y);
    const node = nodes[Math.floor(nodes.length / 2)];
    if (node === undefined || !this.scene.isPlaced) return;
    this.#centre(node, scale);
  }

  /** A point of the window in the drawing. */
  at(clientX: number, clientY: number): { x: number; y: number; left: number; top: number } {
    const frame = this.window.getBoundingClientRect();
    const { scale, x, y } = this.#viewport.view;
    const [left, top] = [clientX - frame.left, clientY - frame.top];
    return { x: (left - x) / scale, y: (top - y) / scale, left, top };
  }

  #centre(node: number, scale: number): void {
    this.stage.isOverview = false;
    const box = this.scene.box(node);
    this.#viewport.touched = true;
    const x = this.#width / 2 - (box.x + box.width / 2) * scale;
    const y = this.#height / 2 - (box.y + box.height / 2) * scale;
    this.#viewport.set({ scale, x, y });
  }

  #survey(whole: number): void {
    this.stage.map(this.#width);
    this.#resize(this.stage.barcode.tall(this.#tallest));
    this.#viewport.touched = false;
    this.#viewport.set({ scale: whole, x: 0, y: 0 });
  }

  #resize(height: number): void {
    this.#height = height;
    this.window.style.height = `${height}px`;
    this.stage.resize(this.#width, height);
  }

  /** Zooming in leaves the overview, zooming far out comes back to it; panning there has no meaning. */
  #pass(factor: number, x: number, y: number): boolean {
    const { stage, scene } = this;
    if (stage.isOverview) {
      if (factor > 1) this.enter(x, y, ENTERED);
      return true;
    }
    if (factor >= 1 || !stage.isFar || this.#viewport.view.scale * factor >= SPECK) return false;
    const whole = Math.min(this.#width / Math.max(1, scene.width), this.#tallest / Math.max(1, scene.height));
    if (whole >= SPECK) return false;
    this.fit();
    return true;
  }

  #moved(): void {
    const { view } = this.#viewport;
    const { isOverview } = this.stage;
    this.window.classList.toggle("wfj-tiny", view.scale < 0.6);
    const turned = this.window.classList.contains("wfj-overview") !== isOverview;
    this.window.classList.toggle("wfj-overview", isOverview);
    const percent = view.scale * 100;
    setText(this.percent, !this.scene.isPlaced ? "…" : percent < 1 ? "< 1 %" : `${Math.round(percent)} %`);
    this.stage.look(view);
    this.stands();
    if (turned) this.changed();
  }
}
