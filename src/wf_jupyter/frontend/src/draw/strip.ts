// The heat strip of a group: its items from left to right, each bin stacked by status.
import type { Run } from "../fold/run.ts";
import { CACHED, CANCELLED, FAILED, RETRYING, RUNNING, SKIPPED, STATUSES, SUCCEEDED } from "../fold/statuses.ts";
import type { Palette } from "./palette.ts";

/** Share of one bin that each status takes, from the bottom; problems take the whole bin. */
export interface Bin {
  readonly counts: Uint32Array;
  readonly size: number;
}

const BINS = 100;
const ORDER = [SUCCEEDED, CACHED, SKIPPED, CANCELLED, RUNNING, RETRYING, FAILED];

/** The items of a group in at most 100 bins, as counts by status. */
export function bins(run: Run, members: ArrayLike<number>, size: number): Bin[] {
  const many = Math.min(BINS, size);
  const result = Array.from({ length: many }, () => ({ counts: new Uint32Array(STATUSES.length), size: 0 }));
  for (let i = 0; i < members.length; i++) {
    const bin = result[Math.min(many - 1, Math.floor((i * many) / size))];
    if (bin === undefined) break;
    bin.counts[run.tasks.status[members[i]!]!]!++;
    bin.size++;
  }
  return result;
}

/** Paint the strip on a canvas of `width` × `height` CSS pixels. */
export function paintStrip(canvas: HTMLCanvasElement, strip: readonly Bin[], palette: Palette, scale: number): void {
  const { width, height } = canvas;
  const context = canvas.getContext("2d");
  if (context === null) return;
  context.clearRect(0, 0, width, height);
  context.fillStyle = palette.track;
  context.fillRect(0, 0, width, height);
  strip.forEach((bin, i) => {
    const left = Math.round((i * width) / strip.length);
    const right = Math.round(((i + 1) * width) / strip.length);
    const gap = strip.length <= 64 ? scale : 0;
    paintBin(context, bin, palette, left, Math.max(1, right - left - gap), height);
  });
}

function paintBin(
  context: CanvasRenderingContext2D,
  { counts, size }: Bin,
  palette: Palette,
  left: number,
  width: number,
  height: number,
): void {
  const problem = counts[FAILED]! > 0 ? FAILED : counts[RETRYING]! > 0 ? RETRYING : -1;
  if (problem >= 0) {
    context.fillStyle = palette.status[problem]!;
    context.fillRect(left, 0, width, height);
    return;
  }
  let bottom = height;
  for (const status of ORDER) {
    const share = size === 0 ? 0 : (counts[status]! / size) * height;
    if (share === 0) continue;
    context.fillStyle = status === SUCCEEDED ? palette.soft : palette.status[status]!;
    context.fillRect(left, bottom - share, width, share);
    bottom -= share;
  }
}
