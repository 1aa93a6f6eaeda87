// One execution as a client follows it.
import { Follower } from "../fold/follower.ts";
import { picture, task } from "../fold/picture.ts";
import { Run } from "../fold/run.ts";
import type { Incoming } from "../protocol/decode.ts";
import type { Event, Snapshot, TaskSnapshot } from "../protocol/messages.gen.ts";
import { CODES, RpcError } from "../protocol/socket.ts";
import type { ConnectionState } from "../protocol/source.ts";
import type { Subscriber } from "../protocol/subscriber.ts";

/** Who is told of what a follow learns. */
export interface FollowUser {
  happened(event: Event, executionId: string): void;
  replaced(snapshot: Snapshot, executionId: string): void;
  /** Events are missing after the cursor. */
  gap(follow: Follow): void;
  changed(): void;
}

/** Folds an execution's events; its snapshots are immutable and share the tasks that did not change. */
export class Follow implements Subscriber {
  holders = 0;
  isSubscribed = false;
  leave: (() => void) | null = null;
  connection: ConnectionState = { kind: "connecting" };
  readonly #run = new Run();
  readonly #follower = new Follower(this.#run);
  #tasks: (TaskSnapshot | undefined)[] = [];
  #snapshot: Snapshot | null = null;
  #known = false;
  #stale = true;
  #waiting = new Set<() => void>();

  /** `epoch`: of the data directory in which the execution has just begun, to get all of its events. */
  constructor(
    readonly executionId: string,
    epoch: string,
    private readonly user: FollowUser,
  ) {
    this.#run.id = executionId;
    this.#run.epoch = epoch;
  }

  /** The execution as far as it is known; null until something is. */
  get current(): Snapshot | null {
    if (this.#known && (this.#snapshot === null || this.#stale)) {
      this.#stale = false;
      this.#snapshot = this.#picture();
    }
    return this.#snapshot;
  }

  /** Resolves when `test` holds, after each change; rejects with the reason of a refusal. */
  until<T>(test: () => T | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const found = test();
        if (found !== undefined) resolve(found);
        else if (this.connection.kind === "refused") reject(new RpcError(this.connection.code ?? CODES.forbidden, this.connection.reason, "refused"));
        else return;
        this.#waiting.delete(look);
      };
      this.#waiting.add(look);
      look();
    });
  }

  // -- what the channel tells -----------------------------------------------------------------

  cursor(): { readonly seq: number; readonly epoch: string } {
    return this.#follower.cursor();
  }

  snapshot(snapshot: Snapshot): void {
    const known = this.#known && snapshot.epoch === this.#run.epoch && snapshot.seq === this.#run.seq;
    if (known || !this.#follower.load(snapshot)) return;
    this.#tasks = [];
    this.#change();
    this.user.replaced(this.current!, this.executionId);
    this.#look();
  }

  events(events: readonly Incoming[]): void {
    const whole = this.#follower.take(events, (event) => {
      this.#change();
      if (event.type !== "unknown") this.user.happened(event, this.executionId);
    });
    if (!whole) this.user.gap(this);
    this.#look();
  }

  state(state: ConnectionState): void {
    this.connection = state;
    this.user.changed();
    this.#look();
  }

  #change(): void {
    this.#known = true;
    this.#stale = true;
    this.user.changed();
  }

  #look(): void {
    for (const look of [...this.#waiting]) look();
  }

  #picture(): Snapshot {
    for (const row of this.#run.changes().tasks) this.#tasks[row] = undefined;
    const made = picture(this.#run, (run, row) => (this.#tasks[row] ??= task(run, row)));
    return made.created === "" ? { ...made, created: made.started ?? "" } : made;
  }
}
