// Time under the reader's hand: a slider over the whole run, played at 1×, 10× or 100×.
import { button, html, setAttribute, setText } from "../draw/element.ts";
import { clock } from "../draw/format.ts";
import type { Session } from "./session.ts";

const SPEEDS = [1, 10, 100] as const;
/** A replay of a run longer than this begins faster. */
const LONG_S = 60;

/** The bar; `leave` shows the present again. */
export class ReplayBar {
  readonly element: HTMLElement;
  readonly #play: HTMLButtonElement;
  readonly #slider = html("input", "wfj-slider", { type: "range", min: 0, step: 1, "aria-label": "Moment of the run" });
  readonly #time = html("span", "wfj-replay-time");
  readonly #speeds = new Map<number, HTMLButtonElement>();
  #speed: number;
  #at: number;
  #frame = 0;
  #last = 0;

  constructor(
    private readonly session: Session,
    leave: () => void,
    signal: AbortSignal,
  ) {
    const [from, to] = session.span;
    this.#at = session.clock.now();
    this.#speed = (to - from) / 1000 > LONG_S ? 10 : 1;
    this.#play = button("", "wfj-command wfj-play", () => this.toggle());
    const speeds = html("span", "wfj-tabs", { role: "group", "aria-label": "Speed" });
    for (const speed of SPEEDS) {
      const made = button(`${speed}×`, "wfj-tab", () => this.#choose(speed));
      this.#speeds.set(speed, made);
      speeds.append(made);
    }
    const shut = button("×", "wfj-close", leave, "Close the replay");
    this.element = html("div", "wfj-replay", { role: "group", "aria-label": "Replay" }, this.#play, this.#slider, this.#time, speeds, shut);
    this.#slider.addEventListener("input", () => this.#drag(), { signal });
    this.element.addEventListener("keydown", (event) => {
      if (event.key === "Escape") leave();
      else return;
      event.stopPropagation();
    }, { signal });
    signal.addEventListener("abort", () => cancelAnimationFrame(this.#frame));
    this.#choose(this.#speed);
    this.#show();
  }

  /** Play from the beginning. */
  start(): void {
    this.#go(this.session.span[0]);
    this.toggle();
  }

  /** Play or hold. */
  toggle(): void {
    if (this.#frame !== 0) {
      cancelAnimationFrame(this.#frame);
      this.#frame = 0;
    } else {
      if (this.#at >= this.session.span[1]) this.#go(this.session.span[0]);
      this.#last = performance.now();
      this.#frame = requestAnimationFrame(this.#step);
    }
    this.#show();
  }

  readonly #step = (time: number): void => {
    const passed = Math.max(0, Math.min(250, time - this.#last));
    this.#last = time;
    const to = this.session.span[1];
    this.#go(Math.min(to, this.#at + passed * this.#speed));
    this.#frame = this.#at < to ? requestAnimationFrame(this.#step) : 0;
    if (this.#frame === 0) this.#show();
  };

  #choose(speed: number): void {
    this.#speed = speed;
    for (const [other, made] of this.#speeds) {
      made.setAttribute("aria-pressed", String(other === speed));
      made.classList.toggle("wfj-chosen", other === speed);
    }
  }

  #drag(): void {
    const [from, to] = this.session.span;
    // The slider counts whole milliseconds: its last one is the end, not up to a millisecond before it.
    this.#go(Math.min(to, from + Number(this.#slider.value)));
  }

  #go(time: number): void {
    this.#at = time;
    this.session.seek(time);
    this.#show();
  }

  #show(): void {
    const [from, to] = this.session.span;
    const playing = this.#frame !== 0;
    setText(this.#play, playing ? "❚❚" : "▶");
    setAttribute(this.#play, "aria-label", playing ? "Hold" : "Play");
    this.#slider.max = String(Math.max(1, Math.ceil(to - from)));
    this.#slider.value = String(Math.round(this.#at - from));
    const words = `${clock((this.#at - from) / 1000)} / ${clock((to - from) / 1000)}`;
    setText(this.#time, words);
    setAttribute(this.#slider, "aria-valuetext", words);
  }
}
