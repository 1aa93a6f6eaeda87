// What failed, or runs, and lies outside the window: at each edge how many, and a way there.
import type { Box } from "./viewport.ts";
import { button, html, setAttribute, setText } from "./element.ts";
import { count } from "./format.ts";

const SIDES = ["left", "right", "top", "bottom"] as const;
const ARROWS = { left: "←", right: "→", top: "↑", bottom: "↓" } as const;

/** How the drawing stands in its window. */
export interface Standing {
  /** The box on the screen, relative to the window, and the size of that. */
  onScreen(box: Box): Box;
  readonly width: number;
  readonly height: number;
}

/** A node that one may look for. */
export interface Urgent {
  readonly node: number;
  readonly box: Box;
  readonly isFailed: boolean;
}

/** A button at each edge. */
export class EdgeHints {
  readonly element = html("div", "wfj-hints");
  readonly #nearest: Record<(typeof SIDES)[number], number> = { left: -1, right: -1, top: -1, bottom: -1 };
  readonly #buttons = SIDES.map((side) => {
    const made = button("", `wfj-action wfj-beyond wfj-beyond-${side}`, () => this.go(this.#nearest[side]));
    made.hidden = true;
    return made;
  });

  constructor(private readonly go: (node: number) => void) {
    this.element.append(...this.#buttons);
  }

  /** Show where these nodes lie that are out of sight. Beside a failure nothing is told of what runs. */
  show(nodes: readonly Urgent[], standing: Standing | null): void {
    const counts = { left: 0, right: 0, top: 0, bottom: 0 };
    const least = { left: Infinity, right: Infinity, top: Infinity, bottom: Infinity };
    const failed = { left: false, right: false, top: false, bottom: false };
    for (const { node, box, isFailed } of standing === null ? [] : nodes) {
      const { x, y, width, height } = standing!.onScreen(box);
      // a card is out of sight when its middle is
      const [across, down] = [x + width / 2, y + height / 2];
      const out = { left: -across, right: across - standing!.width, top: -down, bottom: down - standing!.height };
      const side = SIDES.reduce((best, other) => (out[other] > out[best] ? other : best));
      if (out[side] < 0 || (failed[side] && !isFailed)) continue;
      if (isFailed && !failed[side]) {
        failed[side] = true;
        counts[side] = 0;
        least[side] = Infinity;
      }
      counts[side]++;
      if (out[side] >= least[side]) continue;
      least[side] = out[side];
      this.#nearest[side] = node;
    }
    SIDES.forEach((side, i) => {
      const made = this.#buttons[i]!;
      made.hidden = counts[side] === 0;
      made.classList.toggle("wfj-beyond-failed", failed[side]);
      const words = `${count(counts[side])} ${failed[side] ? "failed" : "running"}`;
      setText(made, side === "left" ? `${ARROWS[side]} ${words}` : `${words} ${ARROWS[side]}`);
      setAttribute(made, "aria-label", `${made.textContent}: go to the nearest`);
    });
  }
}
