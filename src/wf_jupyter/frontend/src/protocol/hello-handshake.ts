// The first thing to do with a server: ask who it is, until it answers.
import { RequestError, type Hello, type Rest } from "./page.ts";
import { onWake, Retry, type Pause } from "./retry.ts";

/** What a greeting leads to. */
export interface Greeted {
  /** The server answered; nothing more is asked. */
  hello(hello: Hello): void;
  /** It has no such interface; nothing more is asked. */
  absent(): void;
  /** It did not answer, or with an error; it is asked again at `pause.retryAt`. */
  failed(status: number, pause: Pause): void;
}

/** A server that refuses is asked less often: a person has to log in first. */
const REFUSED_MS = 5_000;

/** Asks for ever, and at once when the page is online or seen again. */
export class Greeting {
  #retry = new Retry(() => void this.#ask());
  #closed = false;
  #sleep = onWake(() => this.nudge());

  constructor(
    private readonly rest: Rest,
    private readonly greeted: Greeted,
  ) {
    void this.#ask();
  }

  /** Ask now instead of waiting for the next try. */
  nudge(): void {
    this.#retry.now();
  }

  close(): void {
    this.#closed = true;
    this.#retry.stop();
    this.#sleep();
  }

  async #ask(): Promise<void> {
    let hello: Hello;
    try {
      hello = await this.rest.hello();
    } catch (error) {
      if (!this.#closed) this.#failed(error instanceof RequestError ? error.status : 0);
      return;
    }
    if (this.#closed) return;
    this.close();
    this.greeted.hello(hello);
  }

  #failed(status: number): void {
    if (status === 404) {
      this.close();
      this.greeted.absent();
    } else this.greeted.failed(status, this.#retry.failed(Date.now(), status === 0 ? 0 : REFUSED_MS));
  }
}
