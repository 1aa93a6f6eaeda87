// Who listens to a channel.
import type { Incoming } from "./decode.ts";
import type { Snapshot } from "./messages.gen.ts";
import type { ConnectionState } from "./source.ts";

/** One listener of one execution, or of all (`"*"`: workflow-level events only). */
export interface Subscriber {
  readonly executionId: string;
  cursor(): { readonly seq: number; readonly epoch: string };
  snapshot(snapshot: Snapshot): void;
  events(events: readonly Incoming[], fresh: boolean, executionId: string): void;
  state(state: ConnectionState): void;
  /** For `"*"`: events were left out, so a list of executions must be read again. */
  changed?(): void;
}
