// Where a time lies on the timeline, in percent: straight, or with idle stretches pressed together.
import { clock } from "../draw/format.ts";

const STEPS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 43200, 86400];
const TICKS = 7;
/** Percent of the width that a pressed gap takes. */
const PRESSED = 3;

/** A mark on the axis. */
export interface Tick {
  readonly at: number;
  readonly text: string;
}

/** Maps [from, to] (ms) to 0..100; `gaps` are drawn narrow. */
export class Scale {
  readonly #points: (readonly [number, number])[] = [];

  constructor(
    readonly from: number,
    readonly to: number,
    readonly gaps: readonly (readonly [number, number])[] = [],
  ) {
    const idle = gaps.reduce((sum, [begin, end]) => sum + end - begin, 0);
    const wide = 100 - gaps.length * PRESSED;
    const per = wide / Math.max(1, to - from - idle);
    let at = 0;
    let time = from;
    this.#points.push([from, 0]);
    for (const [begin, end] of gaps) {
      at += (begin - time) * per;
      this.#points.push([begin, at], [end, (at += PRESSED)]);
      time = end;
    }
    this.#points.push([Math.max(to, time + 1), 100]);
  }

  /** Percent of the width; times outside lie on the border. */
  at(time: number): number {
    const points = this.#points;
    let low = 0;
    let high = points.length - 1;
    if (!(time > points[0]![0])) return 0;
    if (time >= points[high]![0]) return 100;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (points[middle]![0] <= time) low = middle;
      else high = middle;
    }
    const [[t0, p0], [t1, p1]] = [points[low]!, points[high]!];
    return t1 === t0 ? p1 : p0 + ((time - t0) / (t1 - t0)) * (p1 - p0);
  }

  /** Round times since `from`, not closer than they can be read, none inside a pressed gap. */
  ticks(most = TICKS): Tick[] {
    const busy = this.gaps.reduce((sum, [begin, end]) => sum - (end - begin), this.to - this.from) / 1000;
    const step = STEPS.find((size) => busy / size <= most) ?? Math.ceil(busy / most / 86400) * 86400;
    const ticks: Tick[] = [];
    const inside = (time: number): boolean => this.gaps.some(([begin, end]) => time > begin && time < end);
    const ends = [...this.gaps.map(([begin]) => begin), this.to];
    const starts = [this.from, ...this.gaps.map(([, end]) => end)];
    starts.forEach((start, i) => {
      const first = Math.ceil((start - this.from) / 1000 / step - 1e-9) * step;
      for (let t = first; t * 1000 + this.from <= ends[i]! && ticks.length < 60; t += step) {
        const at = this.at(t * 1000 + this.from);
        const last = ticks.at(-1);
        if (inside(t * 1000 + this.from) || (last !== undefined && at - last.at < 60 / most)) continue;
        ticks.push({ at, text: t < 60 ? `${Number(t.toFixed(1))} s` : clock(t) });
      }
    });
    return ticks.filter(({ at }) => at < 97);
  }
}
