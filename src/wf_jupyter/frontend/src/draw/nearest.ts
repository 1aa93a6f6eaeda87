// Where an arrow key leads: along the flow to the next rank, across it to the next in the same rank.

import type { Box } from "./viewport.ts";

export type Direction = "up" | "down" | "left" | "right";

/** Whether an arrow leads along the flow, from rank to rank. */
export function isAlong(direction: Direction): boolean {
  return direction === "left" || direction === "right";
}

/** Index of the box that one reaches from `from`; `from` itself when there is none. */
export function nearest(boxes: readonly Box[], from: number, direction: Direction): number {
  const along = isAlong(direction);
  const start = middle(boxes[from]);
  let best = from;
  let least = Number.POSITIVE_INFINITY;
  boxes.forEach((box, i) => {
    const [dx, dy] = [middle(box).x - start.x, middle(box).y - start.y];
    const [ahead, aside] =
      direction === "up" ? [-dy, dx] : direction === "down" ? [dy, dx] : direction === "left" ? [-dx, dy] : [dx, dy];
    if (i === from || ahead < 4) return;
    const cost = along ? 2 * ahead + Math.abs(aside) : ahead + 4 * Math.abs(aside);
    if (cost < least) [best, least] = [i, cost];
  });
  return best;
}

/** Of some boxes, the one whose middle is nearest to that of `from`. */
export function closest(boxes: readonly Box[], from: number, some: readonly number[]): number {
  const start = middle(boxes[from]);
  const distance = (i: number): number => Math.hypot(middle(boxes[i]).x - start.x, middle(boxes[i]).y - start.y);
  return some.reduce((best, i) => (distance(i) < distance(best) ? i : best), some[0] ?? from);
}

function middle(box: Box | undefined): { x: number; y: number } {
  return box ? { x: box.x + box.width / 2, y: box.y + box.height / 2 } : { x: 0, y: 0 };
}
