// All edges on a canvas, each in the colour of its state. Elements would be painted again as a whole with every
// change; thousands of curves are painted little by little on a second canvas, which then takes the first one's place.
import { edgeState, EDGE_STATES } from "./facts.ts";
import type { Palette } from "./palette.ts";
import type { Scene } from "./scene.ts";
import { Sheet } from "./canvas-region.ts";
import type { View } from "./viewport.ts";
import type { Ways } from "./edge-routes.ts";

const MOST = 8_000;
/** So many edges are enough while everything moves. */
const MOVING = 1_500;
/** So many are painted in one go. */
const SLICE = 300;
const REST_MS = 110;
/** Many edges change their colours no more often than this. */
const AGAIN_MS = 700;
/** A path of thousands of curves is slow to fill in; one of a hundred is not. */
const PATH = 100;

/** Paints the edges of a graph, with arrow heads when it is small. */
export class EdgeLayer {
  #shown: Sheet;
  #spare: Sheet;
  #view: View = { scale: 1, x: 0, y: 0 };
  #width = 0;
  #height = 0;
  #ways: Ways | null = null;
  #colours: Palette | null = null;
  /** Statuses of the nodes as they are painted. */
  #statuses = new Uint8Array(0);
  #isThin = false;
  #rest: ReturnType<typeof setTimeout> | undefined;
  #frame = 0;

  constructor(
    window: HTMLElement,
    private readonly scene: Scene,
    private readonly palette: () => Palette,
    private readonly statusOf: (node: number) => number,
    private readonly isFar: () => boolean,
  ) {
    const sheet = (): Sheet => new Sheet((canvas) => window.prepend(canvas), () => scene.extent);
    this.#shown = sheet();
    this.#spare = sheet();
  }

  /** The scene has other nodes or places. */
  reload(): void {
    this.#ways = null;
    this.#shown.spoil();
    this.#stop();
  }

  /** Show this view. */
  look(view: View, width: number, height: number): void {
    this.#view = { ...view };
    this.#width = width;
    this.#height = height;
    if (width === 0 || height === 0) return;
    const begun = this.#shown.scale > 0;
    if (!this.#shown.follow(view, width, height)) this.#paint(begun && this.isFar());
    this.#stop();
    if (this.#isThin || this.#shown.scale !== view.scale) this.#settle(REST_MS);
  }

  /** These nodes may have another status. */
  touch(nodes: Iterable<number>): void {
    for (const node of nodes) if (this.#statuses[node] !== this.statusOf(node)) return this.#change();
  }

  /** Statuses or colours may have changed. */
  refresh(): void {
    if (this.#colours !== null && this.#colours !== this.palette()) this.#paint(false);
    else this.touch(this.scene.graph.nodes.keys());
  }

  /** Take everything away. */
  drop(): void {
    this.reload();
    this.#shown.drop();
    this.#spare.drop();
  }

  #change(): void {
    if (this.#shown.scale === 0) return;
    if (!this.isFar()) this.#paint(false);
    else if (this.#frame === 0) this.#settle(AGAIN_MS, false);
  }

  #stop(): void {
    clearTimeout(this.#rest);
    this.#rest = undefined;
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
  }

  /** Paint it all after a while; what is due earlier stays due, unless it is put off. */
  #settle(ms: number, putOff = true): void {
    if (this.#rest !== undefined && !putOff) return;
    clearTimeout(this.#rest);
    this.#rest = setTimeout(() => {
      this.#rest = undefined;
      if (this.isFar()) this.#paintSlowly();
      else this.#paint(false);
    }, ms);
  }

  /** Everything at once; `thin`: as much as can be had while it moves. */
  #paint(thin: boolean): void {
    if (this.#width === 0 || this.#height === 0) return;
    this.#stop();
    this.#isThin = thin;
    for (const _ of this.#strokes(this.#shown, thin ? MOVING : MOST)) continue;
    if (thin) this.#settle(REST_MS);
  }

  #paintSlowly(): void {
    const { scale } = this.#view;
    const strokes = this.#strokes(this.#spare, MOST);
    const step = (): void => {
      this.#frame = 0;
      if (!strokes.next().done) {
        this.#frame = requestAnimationFrame(step);
        return;
      }
      [this.#shown, this.#spare] = [this.#spare, this.#shown];
      this.#shown.show(true);
      this.#shown.follow(this.#view, this.#width, this.#height);
      this.#spare.drop();
      this.#isThin = scale !== this.#view.scale;
      this.touch(this.scene.graph.nodes.keys());
    };
    step();
    if (this.#frame !== 0) this.#spare.show(false);
  }

  /** Paints on a sheet, slice by slice, what waits first and what went wrong last. */
  *#strokes(sheet: Sheet, most: number): Generator<undefined> {
    const context = sheet.begin(this.#view, this.#width, this.#height);
    if (context === null || !this.scene.isPlaced) return;
    const { sources, targets, nodes } = this.scene.graph;
    const far = this.isFar();
    const ways = (this.#ways ??= this.scene.ways(!far));
    const { scale } = this.#view;
    const palette = (this.#colours = this.palette());
    this.#statuses = Uint8Array.from(nodes, (_, node) => this.statusOf(node));
    const passing: number[] = [];
    for (let edge = 0; edge < ways.count; edge++) if (ways.passes(edge, sheet.region)) passing.push(edge);
    const step = Math.max(1, Math.ceil(passing.length / most));
    const layers: number[][] = EDGE_STATES.map(() => []);
    for (let i = 0; i < passing.length; i += step) {
      const edge = passing[i]!;
      layers[edgeState(this.#statuses[sources[edge]!]!, this.#statuses[targets[edge]!]!)]!.push(edge);
    }
    const alpha = far ? Math.min(1, (0.3 + scale) * Math.min(2, Math.sqrt(step))) : 1;
    context.lineWidth = Math.max(1.5, 0.8 / scale);
    const dash = 1 / Math.min(1, scale);
    for (const [state, edges] of layers.entries()) {
      context.strokeStyle = context.fillStyle = palette.edges[state]!;
      context.globalAlpha = state === 0 || !far ? alpha : Math.min(1, 2 * alpha);
      for (let i = 0; i < edges.length; i += PATH) {
        if (i % SLICE === 0 && i > 0) yield;
        const some = edges.slice(i, i + PATH);
        context.setLineDash(EDGE_STATES[state] === "blocked" ? [2.5 * dash, 3.5 * dash] : []);
        context.beginPath();
        for (const edge of some) ways.trace(context, edge);
        context.stroke();
        context.beginPath();
        for (const edge of some) ways.head(context, edge);
        context.fill();
      }
    }
  }
}
