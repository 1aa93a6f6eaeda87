// How this page is connected, honestly: live, delayed, or since when not and when it tries again.
import type { ClientConnection } from "../client/events.ts";
import { html, setText } from "../draw/element.ts";
import { connectionWords } from "../protocol/connection-text.ts";

const TICK_MS = 1_000;

export class Badge {
  readonly element: HTMLElement;
  readonly #button = html("button", "wfj-list-link", { type: "button" });
  // Told once per change, not once per second.
  readonly #spoken = html("span", "wfj-unseen", { role: "status" });
  #state: ClientConnection = { kind: "connecting" };

  /** `nudge` tries to connect at once. */
  constructor(nudge: () => void) {
    this.#button.addEventListener("click", nudge);
    this.element = html("span", "wfj-list-badge", {}, this.#button, this.#spoken);
    setInterval(() => this.#say(), TICK_MS);
    this.show(this.#state);
  }

  show(state: ClientConnection): void {
    this.#state = state;
    this.#say();
    this.#spoken.textContent = this.#button.textContent;
  }

  #say(): void {
    const state = this.#state;
    const isLive = state.kind === "live";
    const [text, title] = words(state);
    setText(this.#button, text);
    this.#button.title = title;
    this.#button.disabled = state.kind !== "waiting";
    this.#button.dataset["live"] = String(isLive);
  }
}

function words(state: ClientConnection): readonly [string, string] {
  if (state.kind === "live") return ["live", "What happens is shown at once"];
  if (state.kind === "disconnected") return ["disconnected", "Nothing is asked of the server"];
  return connectionWords(state, Date.now());
}
