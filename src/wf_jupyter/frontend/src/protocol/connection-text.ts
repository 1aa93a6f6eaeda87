// How a connection is, in words for people.
import type { ConnectionState } from "./source.ts";

/** What is lost for longer is called stale. */
const STALE_MS = 10_000;

/** The badge in words, and at length; empty while live. */
export function connectionWords(state: ConnectionState, local: number): readonly [string, string] {
  switch (state.kind) {
    case "connecting":
      return ["connecting", "Connecting to the server"];
    case "live":
      return ["", ""];
    case "delayed":
      if (state.why !== undefined) return [`delayed · via kernel · ${state.why}`, `Events come through the notebook's kernel: ${state.why}`];
      return state.by === "kernel"
        ? ["delayed · via kernel", "Events come through the notebook's kernel, a little later than from the server itself"]
        : ["delayed · no WebSocket", "WebSockets to the server are blocked: it is asked for news instead"];
    case "waiting": {
      const wait = Math.max(0, Math.ceil((state.retryAt - local) / 1000));
      const retry = wait > 0 ? `reconnecting in ${wait} s` : "reconnecting";
      if (local - state.since < STALE_MS) return [retry, "The connection was lost: press to try now"];
      return [`stale since ${timeOfDay(state.since)} · ${retry}`, "What is shown is not current: press to try now"];
    }
    case "gone":
      return [`engine gone · stale since ${timeOfDay(state.since)}`, "The kernel that told of this execution has ended or was restarted"];
    case "saved":
      return ["saved picture", "This is what was saved with the notebook; nothing is connected"];
    case "refused":
      return [state.reason, state.reason];
  }
}

function timeOfDay(ms: number): string {
  return new Date(ms).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}
