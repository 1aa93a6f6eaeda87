// What tasks printed and displayed since this page opened, bounded: whoever runs the execution has all of it.
import type { Said } from "./replay.ts";

const MOST = 2_500;

/** The latest texts and outputs. */
export class Tails {
  #said: Said[] = [];

  add(event: Said): void {
    this.#said.push(event);
    if (this.#said.length > 2 * MOST) this.#said.splice(0, MOST);
  }

  /** What is still there of one task, in order. */
  of(key: string): readonly Said[] {
    return this.#said.filter(({ task }) => task === key);
  }

  clear(): void {
    this.#said = [];
  }
}
