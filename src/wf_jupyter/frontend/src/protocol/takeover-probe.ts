// Whether the page's own server went on with an execution whose kernel, and engine, is gone.
import { decodeEvents, isObject } from "./decode.ts";
import { OPERATIONS } from "./messages.gen.ts";
import { operationPath, RequestError, type Rest } from "./page.ts";

const ASK_MS = 2_000;
/** A server looks around every few seconds: what it has not taken by then, it will not take. */
const MOST = 30;
/** What only another engine writes into the log. */
const TAKEN: readonly string[] = ["workflow.recovered", "workflow.interrupted"];

/** Asks for a minute, unless it cannot: it has other data, or does not let us. */
export class Heir {
  #asked = 0;
  #asking = setInterval(() => void this.#ask(), ASK_MS);

  constructor(
    private readonly rest: Rest,
    private readonly executionId: string,
    private readonly cursor: () => { readonly seq: number; readonly epoch: string },
    private readonly found: () => void,
  ) {}

  close(): void {
    clearInterval(this.#asking);
  }

  async #ask(): Promise<void> {
    const { seq, epoch } = this.cursor();
    if (++this.#asked === MOST) this.close();
    try {
      const body = await this.rest.get(operationPath(OPERATIONS.events.path, { execution_id: this.executionId }, { after: seq }));
      if (!isObject(body) || body["epoch"] !== epoch) this.close();
      else if (decodeEvents(body["events"]).some(({ type }) => TAKEN.includes(type))) this.found();
    } catch (error) {
      const status = error instanceof RequestError ? error.status : 0;
      if (status >= 400 && status < 500) this.close();
    }
  }
}
