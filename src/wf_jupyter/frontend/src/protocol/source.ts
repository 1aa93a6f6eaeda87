// What a transport owes to its listener, whichever way the events come.
import type { Incoming } from "./decode.ts";
import type { OPERATIONS, Snapshot } from "./messages.gen.ts";

/**
 * How the picture is connected to the truth. `delayed` comes through the kernel, or by asking over HTTP
 * where no WebSocket gets through; `why` is what keeps the server from telling itself; `waiting` lost the server at `since` and tries again at `retryAt`
 * (local ms); `gone` is the kernel that ran the execution or told of it; `saved` shows what was stored
 * with the notebook; `refused` cannot be mended by trying again.
 */
export type ConnectionState =
  | { readonly kind: "connecting" }
  | { readonly kind: "live" }
  | { readonly kind: "delayed"; readonly by: "kernel" | "polling"; readonly why?: string }
  | { readonly kind: "waiting"; readonly since: number; readonly retryAt: number }
  | { readonly kind: "gone"; readonly since: number }
  | { readonly kind: "saved" }
  | { readonly kind: "refused"; readonly reason: string; readonly code?: number };

export type Command = "cancel" | "pause" | "resume" | "retry";

/** What can be asked of whoever runs an execution, by its name in the table of operations. */
export type Question = keyof typeof OPERATIONS;
export type Params = Readonly<Record<string, string | number>>;

/** Statuses of executions that only a retry changes. */
export const FINAL: readonly string[] = ["succeeded", "failed", "cancelled"];

/** Where a transport delivers. `cursor` is what the listener already has: it resumes from there. */
export interface Sink {
  cursor(): { readonly seq: number; readonly epoch: string };
  /** Everything up to `snapshot.seq`, in place of what was there. */
  snapshot(snapshot: Snapshot): void;
  /** Events in order; those up to the cursor are to be ignored. `fresh` tells that they happened just now. */
  events(events: readonly Incoming[], fresh: boolean): void;
  state(state: ConnectionState): void;
}

/** A running transport. */
export interface Source {
  /** Look now instead of waiting for the next try. */
  nudge(): void;
  /** Events are missing after the cursor: fetch them, or a snapshot. */
  resync(): void;
  close(): void;
}

/** Milliseconds to wait before try number `attempt` (from 0): full jitter under a bound of 0.5 to 15 s. */
export function backoff(attempt: number, random: () => number = Math.random): number {
  return random() * Math.min(15_000, 500 * 2 ** Math.min(attempt, 10));
}
