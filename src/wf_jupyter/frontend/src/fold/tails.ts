// What tasks printed and displayed since this page opened, bounded: the server has all of it.
import type { TaskLog, TaskOutput } from "../protocol/messages.gen.ts";

const PER_TASK = 500;
const IN_ALL = 5_000;

/** The last texts and outputs per task; the longest silent task is forgotten first. */
export class Tails {
  readonly #tails = new Map<string, (TaskLog | TaskOutput)[]>();
  #count = 0;

  add(event: TaskLog | TaskOutput): void {
    const tail = this.#tails.get(event.task) ?? [];
    this.#tails.delete(event.task);
    this.#tails.set(event.task, tail);
    tail.push(event);
    this.#count++;
    if (tail.length > PER_TASK) {
      tail.shift();
      this.#count--;
    }
    while (this.#count > IN_ALL) {
      const [oldest, dropped] = this.#tails.entries().next().value!;
      this.#tails.delete(oldest);
      this.#count -= dropped.length;
    }
  }

  /** What is still there, in order. */
  of(key: string): readonly (TaskLog | TaskOutput)[] {
    return this.#tails.get(key) ?? [];
  }

  clear(): void {
    this.#tails.clear();
    this.#count = 0;
  }
}
