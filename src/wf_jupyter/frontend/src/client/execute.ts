// Starting executions: politely, however many are asked for at once.
import { CODES, RpcError } from "../protocol/socket.ts";

/** So many may be on their way; the others wait here. */
const AT_ONCE = 8;

/** Does things that are rate limited, and waits as long as the server says before trying again. */
export class Gate {
  #notBefore = 0;
  #active = 0;
  #queue: (() => void)[] = [];

  /** Do it when there is room, again and again while the server is limiting. */
  async pass<T>(task: () => Promise<T>): Promise<T> {
    if (this.#active >= AT_ONCE) await new Promise<void>((enter) => this.#queue.push(enter));
    else this.#active++;
    try {
      for (;;) {
        while (Date.now() < this.#notBefore) await sleep(this.#notBefore - Date.now());
        try {
          return await task();
        } catch (error) {
          if (!(error instanceof RpcError) || error.code !== CODES.rateLimited) throw error;
          this.#notBefore = Math.max(this.#notBefore, Date.now() + (error.retryAfter ?? 1) * 1000);
        }
      }
    } finally {
      const next = this.#queue.shift();
      if (next === undefined) this.#active--;
      else next();
    }
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(1, ms)));
}
