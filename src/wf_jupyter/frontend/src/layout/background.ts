// Layouts of large graphs are found beside the page, which goes on painting meanwhile.
import type { Sketch } from "./layers.ts";
import { plan, type Plan } from "./plan.ts";
import SOURCE from "portable:./plan.ts";

/** Graphs with more nodes than this are laid out in the background. */
export const LARGE = 800;

const WORK = `onmessage = ({ data }) => postMessage((${SOURCE})().plan(data))`;

/** Finds one plan at a time. A worker lives only as long as its question. */
export class Background {
  #worker: Worker | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;

  get isBusy(): boolean {
    return this.#worker !== null || this.#timer !== undefined;
  }

  /** Answer with the plan of `sketch`; what was asked before is dropped. */
  ask(sketch: Sketch, answer: (plan: Plan) => void): void {
    this.stop();
    const here = (): void => {
      this.stop();
      this.#timer = setTimeout(() => {
        this.#timer = undefined;
        answer(plan(sketch));
      });
    };
    try {
      const url = URL.createObjectURL(new Blob([WORK], { type: "text/javascript" }));
      const worker = (this.#worker = new Worker(url));
      URL.revokeObjectURL(url);
      worker.onmessage = ({ data }: MessageEvent<Plan>): void => {
        this.stop();
        answer(data);
      };
      // some hosts forbid workers; some say so only now
      worker.onerror = (event): void => {
        event.preventDefault();
        here();
      };
      worker.postMessage(sketch);
    } catch {
      here();
    }
  }

  /** Forget what was asked. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#worker?.terminate();
    this.#worker = null;
  }
}
