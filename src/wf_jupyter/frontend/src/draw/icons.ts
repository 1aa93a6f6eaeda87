// Eight statuses, eight shapes: nobody has to tell them by colour.
import { CACHED, CANCELLED, FAILED, PENDING, RETRYING, RUNNING, SKIPPED, statusName, SUCCEEDED } from "../fold/statuses.ts";
import { svg } from "./element.ts";

const FILL = "wfj-i-fill";
const MARK = "wfj-i-mark";
const LINE = "wfj-i-line";
const SOFT = "wfj-i-soft";

/** Shapes in a box of 20 × 20, as [class, path]. */
const SHAPES: Readonly<Record<number, readonly (readonly [string, string])[]>> = {
  [SUCCEEDED]: [
    [FILL, "M10 1a9 9 0 1 1 0 18a9 9 0 0 1 0-18z"],
    [MARK, "M5.9 10.3l2.8 2.8l5.4-5.8"],
  ],
  [FAILED]: [
    [FILL, "M6.3 1h7.4L19 6.3v7.4L13.7 19H6.3L1 13.7V6.3z"],
    [MARK, "M6.9 6.9l6.2 6.2M13.1 6.9l-6.2 6.2"],
  ],
  [RUNNING]: [
    [SOFT, "M10 2a8 8 0 1 1 0 16a8 8 0 0 1 0-16z"],
    [`${LINE} wfj-i-turn`, "M10 2a8 8 0 0 1 6.9 12"],
    [FILL, "M8 6.4l5.6 3.6L8 13.6z"],
  ],
  [RETRYING]: [
    [LINE, "M16.6 6.2A7.6 7.6 0 1 0 17.6 10"],
    [FILL, "M17.9 2.4l.2 5.4l-5-1.9zM10 7.6a2.4 2.4 0 1 1 0 4.8a2.4 2.4 0 0 1 0-4.8z"],
  ],
  [CACHED]: [
    ["wfj-i-tint", "M10 2a8 8 0 1 1 0 16a8 8 0 0 1 0-16z"],
    [FILL, "M11 4.6L5.9 11h3.3l-.7 4.4l5.4-6.7h-3.5z"],
  ],
  [SKIPPED]: [
    [LINE, "M10 2a8 8 0 1 1 0 16a8 8 0 0 1 0-16z"],
    [LINE, "M6.4 6.9L9.5 10l-3.1 3.1M10.6 6.9l3.1 3.1l-3.1 3.1"],
  ],
  [CANCELLED]: [
    [LINE, "M10 2a8 8 0 1 1 0 16a8 8 0 0 1 0-16z"],
    [LINE, "M4.6 15.4L15.4 4.6"],
  ],
  [PENDING]: [
    [`${LINE} wfj-i-dash`, "M10 2a8 8 0 1 1 0 16a8 8 0 0 1 0-16z"],
    [LINE, "M10 6v4.3l2.8 1.7"],
  ],
};

const templates = new Map<number, SVGSVGElement>();

/** A new icon of a status; the word beside it says the same, so readers of the page skip it. */
export function icon(status: number): SVGSVGElement {
  let template = templates.get(status);
  if (template === undefined) {
    template = svg("svg", "", { viewBox: "0 0 20 20", "aria-hidden": "true", focusable: "false" });
    for (const [name, d] of SHAPES[status] ?? []) template.append(svg("path", name, { d }));
    templates.set(status, template);
  }
  const copy = template.cloneNode(true) as SVGSVGElement;
  copy.setAttribute("class", `wfj-icon wfj-s-${statusName(status)}`);
  return copy;
}

/** Let `card` and its icon show another status; returns the icon. */
export function changed(card: HTMLElement, before: SVGSVGElement, status: number): SVGSVGElement {
  const fresh = icon(status);
  before.replaceWith(fresh);
  card.dataset["status"] = statusName(status);
  return fresh;
}

/** Show how far a running task is on its ring; null lets the ring turn. */
export function setRing(element: SVGSVGElement, share: number | null): void {
  const ring = element.children[1];
  if (ring === undefined) return;
  const angle = 2 * Math.PI * Math.min(0.999, Math.max(0.02, share ?? 0.33));
  const x = 10 + 8 * Math.sin(angle);
  const y = 10 - 8 * Math.cos(angle);
  ring.setAttribute("d", `M10 2A8 8 0 ${angle > Math.PI ? 1 : 0} 1 ${x.toFixed(2)} ${y.toFixed(2)}`);
  ring.classList.toggle("wfj-i-turn", share === null);
}

/** Octagon outlines for canvas: how a failure looks where there is no room for words. */
export function octagon(context: CanvasRenderingContext2D, x: number, y: number, radius: number): void {
  const r = radius;
  const c = r * 0.414;
  context.beginPath();
  context.moveTo(x - c, y - r);
  for (const [dx, dy] of [[c, -r], [r, -c], [r, c], [c, r], [-c, r], [-r, c], [-r, -c]] as const) {
    context.lineTo(x + dx, y + dy);
  }
  context.closePath();
}
