// The chain of work that decided when the run ended: from the last end back to what it waited for longest.

/** When something began and ended (ms, NaN while unknown), and the indices of what it waited for. */
export interface Work {
  readonly begin: number;
  readonly end: number;
  readonly needs: readonly number[];
}

/** Indices from the first to the last piece of work on the critical path; empty when nothing ran. */
export function criticalPath(works: readonly Work[]): number[] {
  const ran = (index: number): boolean => Number.isFinite(works[index]!.begin) && Number.isFinite(works[index]!.end);
  let last = -1;
  works.forEach((work, index) => {
    if (ran(index) && (last < 0 || work.end > works[last]!.end)) last = index;
  });
  const path: number[] = [];
  const seen = new Set<number>();
  for (let index = last; index >= 0 && !seen.has(index); ) {
    seen.add(index);
    path.push(index);
    let before = -1;
    for (const need of works[index]!.needs) {
      if (ran(need) && (before < 0 || works[need]!.end > works[before]!.end)) before = need;
    }
    index = before;
  }
  return path.reverse();
}

/** From the beginning of the first to the end of the last, in ms; 0 for an empty path. */
export function pathLength(works: readonly Work[], path: readonly number[]): number {
  if (path.length === 0) return 0;
  return works[path.at(-1)!]!.end - works[path[0]!]!.begin;
}

/** The index on the path with the largest share of its length, and that share from 0 to 1; null when there is no length. */
export function heaviest(works: readonly Work[], path: readonly number[]): { index: number; share: number } | null {
  const whole = pathLength(works, path);
  if (!(whole > 0)) return null;
  const long = (index: number): number => works[index]!.end - works[index]!.begin;
  const index = path.reduce((most, other) => (long(other) > long(most) ? other : most));
  return { index, share: Math.min(1, long(index) / whole) };
}

/** The stretches of [from, to] longer than `least` in which nothing ran, in order. */
export function idleGaps(spans: readonly (readonly [number, number])[], from: number, to: number, least: number): [number, number][] {
  const gaps: [number, number][] = [];
  let busy = from;
  for (const [begin, end] of [...spans].sort((a, b) => a[0] - b[0])) {
    if (begin - busy > least) gaps.push([busy, Math.min(begin, to)]);
    busy = Math.max(busy, end);
    if (busy >= to) break;
  }
  if (to - busy > least) gaps.push([busy, to]);
  return gaps;
}
