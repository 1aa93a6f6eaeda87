// Whether the page's own server has an execution: decided by its id and the data it belongs to.
import { OPERATIONS } from "../protocol/messages.gen.ts";
import { notReady, operationPath, refusal, RequestError, type Hello, type Rest } from "../protocol/page.ts";
import type { Stored } from "./stored.ts";

/** `here` on the server `serverId`; `absent` for good, or `away` for now, with the reason in words. */
export type Found =
  | { readonly kind: "here"; readonly serverId: string }
  | { readonly kind: "absent"; readonly words: string }
  | { readonly kind: "away"; readonly words: string };

/** Ask the server once. Never rejects. */
export async function find(rest: Rest, stored: Stored): Promise<Found> {
  let hello: Hello;
  try {
    hello = await rest.hello();
  } catch (error) {
    if (statusOf(error) === 404) return { kind: "absent", words: "This Jupyter server has no wf_jupyter: shown is what the notebook stored." };
    return away(error);
  }
  if (!hello.ready) return { kind: "away", words: `${notReady(hello)}: shown is what the notebook stored.` };
  try {
    // its first event: a snapshot may have megabytes
    await rest.get(operationPath(OPERATIONS.events.path, { execution_id: stored.id }, { after: 0, limit: 1 }));
    return { kind: "here", serverId: hello.serverId };
  } catch (error) {
    if (statusOf(error) !== 404) return away(error);
    const wasHere = stored.serverId === hello.serverId || (hello.epoch !== "" && stored.epoch.startsWith(`${hello.epoch}.`));
    const why = wasHere ? "This execution was deleted" : "This execution is not on this Jupyter server";
    return { kind: "absent", words: `${why}: shown is what the notebook stored.` };
  }
}

function statusOf(error: unknown): number {
  return error instanceof RequestError ? error.status : 0;
}

function away(error: unknown): Found {
  const reason = refusal(statusOf(error)) ?? (error instanceof Error ? error.message : String(error));
  return { kind: "away", words: `Shown is what the notebook stored, until the live view is back: ${reason}.` };
}
