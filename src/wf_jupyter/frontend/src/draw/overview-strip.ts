// A large graph from far away: a column per rank, a line per few tasks, each line stacked by status.
import { CACHED, CANCELLED, FAILED, PENDING, RETRYING, RUNNING, SKIPPED, STATUSES, SUCCEEDED } from "../fold/statuses.ts";
import type { Overview } from "../layout/overview.ts";
import { ColumnNames, type Named } from "./column-names.ts";
import { html } from "./element.ts";
import { octagon } from "./icons.ts";
import type { Palette } from "./palette.ts";

const PAD = 26;
const BELOW = 20;
/** Room for the mark of a failure, right of a column. */
const MARK = 7;
const ORDER = [SUCCEEDED, CACHED, SKIPPED, CANCELLED, RUNNING, RETRYING, FAILED];
const TALLEST_LINE = 12;

/** Width that one column needs at least: more ranks than that share columns. */
export const PITCH = 9;

/** Two canvases: ribbons, which only change with the graph, and bins, of which only the changed are painted. */
export class BarcodeLayer {
  #under: HTMLCanvasElement | null = null;
  #over: HTMLCanvasElement | null = null;
  #map: Overview | null = null;
  readonly #names = new ColumnNames();
  #counts = new Uint32Array(0);
  #status = new Uint8Array(0);
  #dirty = new Set<number>();
  #whole = true;
  #resized = true;
  #width = 0;
  #height = 0;

  constructor(
    private readonly window: HTMLElement,
    private readonly palette: () => Palette,
    private readonly statusOf: (node: number) => number,
    private readonly named: (node: number) => Named,
  ) {}

  /** Show this overview. */
  load(map: Overview): void {
    this.#map = map;
    this.#status = new Uint8Array(map.binOf.length);
    this.#counts = new Uint32Array(map.size.length * STATUSES.length);
    for (let node = 0; node < map.binOf.length; node++) {
      const status = (this.#status[node] = this.statusOf(node));
      this.#counts[map.binOf[node]! * STATUSES.length + status]!++;
    }
    this.#names.load(map, this.named);
    this.#whole = true;
  }

  /** The window has this size. */
  resize(width: number, height: number): void {
    this.#resized ||= width !== this.#width || height !== this.#height;
    this.#width = width;
    this.#height = height;
  }

  /** These nodes may have another status. */
  touch(nodes: ReadonlySet<number>): void {
    const map = this.#map;
    if (map === null) return;
    for (const node of nodes) {
      const [before, now] = [this.#status[node]!, this.statusOf(node)];
      if (before === now || node >= map.binOf.length) continue;
      const bin = map.binOf[node]!;
      this.#status[node] = now;
      this.#counts[bin * STATUSES.length + before]!--;
      this.#counts[bin * STATUSES.length + now]!++;
      this.#dirty.add(bin);
      // a mark that goes leaves what lay under it
      if (before === FAILED && this.#counts[bin * STATUSES.length + FAILED] === 0) this.#whole = true;
    }
  }

  /** Paint what changed, or all of it when the window or the colours did. */
  paint(all = false): void {
    const map = this.#map;
    const [width, height] = [this.#width, this.#height];
    if (map === null || width === 0 || height === 0) return;
    const resized = this.#resized || this.#over === null;
    const whole = all || resized || this.#whole;
    if (!whole && this.#dirty.size === 0) return;
    this.#under ??= this.#canvas();
    this.#over ??= this.#canvas();
    const [under, over] = [this.#under, this.#over];
    if (all || resized || (this.#whole && this.#dirty.size === 0)) this.#paintRibbons(sized(under, width, height), map);
    const context = whole ? sized(over, width, height) : over.getContext("2d");
    if (whole) this.#showNames(map);
    const bins = whole ? map.size.keys() : this.#dirty;
    if (context !== null) {
      const failed: number[] = [];
      for (const bin of bins) {
        this.#paintBin(context, map, bin);
        if (this.#counts[bin * STATUSES.length + FAILED]! > 0) failed.push(bin);
      }
      for (const bin of failed) this.#paintMark(context, map, bin);
    }
    this.#dirty.clear();
    this.#whole = this.#resized = false;
  }

  /** The nodes of the bin at a point of the window, or nearest to it in its column. */
  hit(x: number, y: number): number[] {
    const map = this.#map;
    if (map === null || map.size.length === 0) return [];
    const { pitch, left, wide } = this.#columns(map);
    const column = Math.min(map.columns - 1, Math.max(0, Math.round((x - left - wide / 2) / Math.max(1, pitch))));
    const lines = map.first[column + 1]! - map.first[column]!;
    const { top, line } = this.#lines(map, lines);
    const bin = map.first[column]! + Math.min(lines - 1, Math.max(0, Math.floor((y - top) / line)));
    const nodes: number[] = [];
    map.binOf.forEach((other, node) => {
      if (other === bin) nodes.push(node);
    });
    return nodes;
  }

  /** In words, what one line stands for. */
  get caption(): string {
    const map = this.#map;
    if (map === null) return "";
    const most = map.size.reduce((most, n) => Math.max(most, n), 0);
    const column = map.ranksPerColumn === 1 ? "one column per stage" : `one column per ${map.ranksPerColumn} stages`;
    return `Overview: ${column}, one line per ${most <= 1 ? "task" : `${most} tasks`}`;
  }

  /** How tall the window should be, up to `most`. */
  tall(most: number): number {
    const map = this.#map;
    if (map === null) return most;
    let lines = 1;
    for (let c = 0; c < map.columns; c++) lines = Math.max(lines, map.first[c + 1]! - map.first[c]!);
    return Math.min(most, Math.max(120, lines * 5 + PAD + BELOW));
  }

  /** Take the canvases away. */
  drop(): void {
    for (const canvas of [this.#under, this.#over]) {
      if (canvas === null) continue;
      canvas.width = canvas.height = 0;
      canvas.remove();
    }
    this.#under = this.#over = null;
    this.#names.element.remove();
    this.#whole = true;
  }

  #showNames(map: Overview): void {
    const { pitch, left } = this.#columns(map);
    this.#names.place(left, pitch, this.#height - BELOW);
    if (!this.#names.element.isConnected) this.window.append(this.#names.element);
  }

  #canvas(): HTMLCanvasElement {
    const canvas = html("canvas", "wfj-far", { "aria-hidden": "true" });
    canvas.style.width = canvas.style.height = "100%";
    if (this.#under === null) this.window.prepend(canvas);
    else this.#under.after(canvas);
    return canvas;
  }

  #columns({ columns }: Overview): { pitch: number; left: number; wide: number } {
    const room = this.#width - 2 * PAD - MARK;
    const pitch = Math.min(150, room / Math.max(1, columns - 0.6));
    const wide = Math.max(2, Math.min(44, pitch * 0.37));
    return { pitch, wide, left: PAD + (room - pitch * (columns - 1) - wide) / 2 };
  }

  #lines(map: Overview, lines: number): { top: number; line: number } {
    let most = 1;
    for (let c = 0; c < map.columns; c++) most = Math.max(most, map.first[c + 1]! - map.first[c]!);
    const line = Math.min(TALLEST_LINE, (this.#height - PAD - BELOW) / most);
    return { top: PAD + (this.#height - PAD - BELOW - line * lines) / 2, line };
  }

  #place(map: Overview, bin: number): { x: number; y: number; wide: number; line: number } {
    const column = map.columnOf[bin]!;
    const { pitch, left, wide } = this.#columns(map);
    const { top, line } = this.#lines(map, map.first[column + 1]! - map.first[column]!);
    return { x: left + column * pitch, y: top + (bin - map.first[column]!) * line, wide, line };
  }

  #paintRibbons(context: CanvasRenderingContext2D | null, map: Overview): void {
    if (context === null) return;
    const most = map.ribbons.reduce((most, { count }) => Math.max(most, count), 1);
    context.strokeStyle = this.palette().line;
    const places = Array.from(map.size, (_, bin) => this.#place(map, bin));
    for (const { from, to, count } of map.ribbons) {
      const [a, b] = [places[from]!, places[to]!];
      const share = count / most;
      context.globalAlpha = 0.16 + 0.6 * share;
      context.lineWidth = Math.max(0.7, Math.min(a.line * 0.6, 2.4) * Math.sqrt(share));
      const [x, y, toX, toY] = [a.x + a.wide, a.y + a.line / 2, b.x, b.y + b.line / 2];
      context.beginPath();
      context.moveTo(x, y);
      context.bezierCurveTo((x + toX) / 2, y, (x + toX) / 2, toY, toX, toY);
      context.stroke();
    }
    context.globalAlpha = 1;
  }

  #paintBin(context: CanvasRenderingContext2D, map: Overview, bin: number): void {
    const palette = this.palette();
    const { x, y, wide, line } = this.#place(map, bin);
    const tall = line > 3 ? line - 1 : line * 0.85;
    context.fillStyle = palette.track;
    context.fillRect(x, y, wide, tall);
    let at = x;
    for (const status of ORDER) {
      const count = this.#counts[bin * STATUSES.length + status]!;
      if (count === 0) continue;
      const share = (count / map.size[bin]!) * wide;
      context.fillStyle = status === SUCCEEDED ? palette.soft : palette.status[status === SKIPPED ? PENDING : status]!;
      context.fillRect(at, y, share, tall);
      at += share;
    }
  }

  #paintMark(context: CanvasRenderingContext2D, map: Overview, bin: number): void {
    const palette = this.palette();
    const { x, y, wide, line } = this.#place(map, bin);
    const radius = this.#columns(map).pitch > 22 ? 5.2 : 3;
    const [cx, cy] = [x + wide + radius + 1, y + line / 2];
    context.fillStyle = palette.status[FAILED]!;
    context.strokeStyle = palette.area;
    context.lineWidth = 1.2;
    octagon(context, cx, cy, radius);
    context.fill();
    context.stroke();
    if (radius < 5) return;
    context.beginPath();
    for (const side of [-1, 1]) {
      context.moveTo(cx - 1.9, cy - 1.9 * side);
      context.lineTo(cx + 1.9, cy + 1.9 * side);
    }
    context.stroke();
  }
}

/** Give a canvas the size of the window, empty, in CSS pixels. */
function sized(canvas: HTMLCanvasElement, width: number, height: number): CanvasRenderingContext2D | null {
  const ratio = Math.min(2, devicePixelRatio || 1);
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const context = canvas.getContext("2d");
  context?.setTransform(ratio, 0, 0, ratio, 0, 0);
  return context;
}
