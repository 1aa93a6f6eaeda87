// A run that takes each event once and in order, and notices when one is missing.
import type { Incoming } from "../protocol/decode.ts";
import type { Snapshot } from "../protocol/messages.gen.ts";
import type { Run } from "./run.ts";

/** Keeps `run` true to what arrives, however often or late it does. */
export class Follower {
  #gap = 0;
  #lost = false;

  constructor(private readonly run: Run) {}

  /** From where to ask for more; without an epoch, a snapshot is needed. */
  cursor(): { readonly seq: number; readonly epoch: string } {
    return { seq: this.run.seq, epoch: this.#lost ? "" : this.run.epoch };
  }

  /** Take a snapshot; false, and nothing happens, when it is older than what is known. */
  load(snapshot: Snapshot): boolean {
    const { run } = this;
    if (snapshot.epoch === run.epoch && snapshot.seq < run.seq) return false;
    run.load(snapshot);
    this.#gap = 0;
    this.#lost = false;
    return true;
  }

  /** Take events, and call `applied` after each new one; false when some before them are missing. */
  take(events: readonly Incoming[], applied: (event: Incoming) => void): boolean {
    const { run } = this;
    for (const event of events) {
      if (event.seq <= run.seq) continue;
      if (event.seq > run.seq + 1) {
        // asked for once; where they are missing still, only a snapshot helps
        this.#lost = this.#gap === event.seq;
        this.#gap = event.seq;
        return false;
      }
      run.apply(event);
      applied(event);
    }
    return true;
  }
}
