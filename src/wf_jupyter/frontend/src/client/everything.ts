// All executions at once: their workflow-level events, as `"*"` gives them.
import type { Incoming } from "../protocol/decode.ts";
import type { Event } from "../protocol/messages.gen.ts";
import type { ConnectionState } from "../protocol/source.ts";
import type { Subscriber } from "../protocol/subscriber.ts";
import type { Handlers } from "./events.ts";

/** Hands the events of all executions on, but for those that are followed by themselves. */
export class Everything implements Subscriber {
  readonly executionId = "*";

  constructor(
    private readonly handlers: Handlers,
    private readonly isFollowed: (executionId: string) => boolean,
    readonly state: (state: ConnectionState) => void,
  ) {}

  cursor(): { readonly seq: number; readonly epoch: string } {
    return { seq: 0, epoch: "" };
  }

  snapshot(): void {}

  events(events: readonly Incoming[], _fresh: boolean, executionId: string): void {
    if (this.isFollowed(executionId)) return;
    for (const event of events) if (event.type !== "unknown") announce(this.handlers, event, executionId);
  }

  changed(): void {
    this.handlers.tell("list", null, "");
  }
}

/** Tell the handlers of an event's type, and those of all events. */
export function announce(handlers: Handlers, event: Event, executionId: string): void {
  handlers.tell(event.type, event as never, executionId);
  handlers.tell("event", event, executionId);
}
