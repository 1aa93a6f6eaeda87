// How this page is connected, honestly: live, delayed, or since when not and when it tries again.
import { element } from "./elements.js";

export class Badge {
  #button = element("button", { type: "button", className: "wfj-list-link" });
  // Told once per change, not once per second.
  #spoken = element("span", { className: "wfj-unseen", role: "status" });
  #state = { kind: "connecting" };

  /** `words(state, now)` puts a state in words; `nudge()` tries to connect at once. */
  constructor(words, nudge) {
    this.words = words;
    this.#button.onclick = nudge;
    this.element = element("span", { className: "wfj-list-badge" }, this.#button, this.#spoken);
    setInterval(() => this.#say(), 1000);
    this.show(this.#state);
  }

  show(state) {
    this.#state = state;
    this.#say();
    this.#spoken.textContent = this.#button.textContent;
  }

  #say() {
    const { kind } = this.#state;
    const [text, title] = kind === "live" ? ["live", "What happens is shown at once"] : this.words(this.#state, Date.now());
    if (this.#button.textContent !== text) this.#button.textContent = text;
    this.#button.title = title;
    this.#button.disabled = kind !== "waiting";
    this.#button.dataset.live = kind === "live";
  }
}
