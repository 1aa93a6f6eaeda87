// Why a task was skipped, or stopped because another one failed: no error of its own.
import type { Failure, Reason } from "../protocol/messages.gen.ts";

/** A task of an event or of a snapshot, as far as it says why it ended. */
interface Ended {
  readonly status: string;
  readonly error?: Failure | null;
  readonly reason?: Reason | null;
}

/** The reason, also where an older log has it as the error of a skipped task. */
export function reasonOf({ status, error, reason }: Ended): Reason | null {
  if (reason || status !== "skipped" || !error) return reason ?? null;
  const { type, message } = error;
  const split = message.lastIndexOf(" ");
  const word = message.slice(split + 1);
  const task = message.slice(0, Math.max(0, split)).replace(/ was$/, "");
  if (word === "truthy" || word === "falsy") return { kind: "not_taken", task, message: `not taken: ${message}` };
  if (type === "Skipped") return { kind: "not_needed", task: "", message: `not needed: ${message}` };
  if (word === "failed") return { kind: "upstream_failed", task, message: `upstream failed: ${message}` };
  if (word === "cancelled") return { kind: "upstream_cancelled", task, message: `upstream cancelled: ${task} was cancelled` };
  return { kind: "upstream_skipped", task, message: `upstream skipped: ${message}` };
}

/** The error of what did not skip. */
export function errorOf({ status, error }: Ended): Failure | null {
  return status === "skipped" ? null : (error ?? null);
}

/** The reason in the room of a card: of what happened upstream only the kind. */
export function shortReason(reason: Reason): string {
  return reason.kind.startsWith("upstream_") ? reason.message.split(":", 1)[0]! : reasonText(reason);
}

/** The reason after the word `skipped`: what happened upstream needs no other introduction. */
export function causeText(reason: Reason): string {
  return reasonText(reason).replace(/^upstream \w+: /, "");
}

/** The reason in words, with the task in between. */
export function reasonText({ message, via }: Reason): string {
  return via ? `${message}, so ${via} was skipped` : message;
}
