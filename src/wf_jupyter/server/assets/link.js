// One WebSocket that follows all executions and comes back for ever.
import { config } from "./rest.js";

const SILENCE = 25_000;

export class Link {
  #waited = 500;
  #heardAt = 0;
  #socket = null;
  #retry = 0;

  /** `told(executionId, events)`, `opened()` whenever everything must be read anew, `state(text)`. */
  constructor({ told, opened, state }) {
    Object.assign(this, { told, opened, state });
    const wake = () => document.visibilityState === "visible" && this.#retry && this.#open();
    addEventListener("online", wake);
    document.addEventListener("visibilitychange", wake);
    setInterval(() => {
      if (this.#socket && Date.now() - this.#heardAt > SILENCE) this.#socket.close();
    }, 5000);
    this.#open();
  }

  #open() {
    clearTimeout(this.#retry);
    this.#retry = 0;
    const address = new URL(config.wsUrl || config.baseUrl, location.href);
    address.protocol = address.protocol.replace("http", "ws");
    address.pathname = `${config.baseUrl}wf-jupyter/api/v1/ws`;
    const socket = (this.#socket = new WebSocket(address));
    this.#heardAt = Date.now();
    socket.onopen = () =>
      socket.send(JSON.stringify({ jsonrpc: "2.0", id: 1, method: "subscribe", params: { execution_id: "*" } }));
    socket.onmessage = (message) => this.#receive(JSON.parse(message.data));
    socket.onclose = () => {
      if (this.#socket === socket) this.#lost();
    };
  }

  #receive({ id, error, method, params }) {
    this.#heardAt = Date.now();
    if (id === 1 && error) this.state(error.message);
    else if (id === 1) {
      this.#waited = 500;
      this.state("live");
      this.opened();
    } else if (method === "events") this.told(params.execution_id, params.events);
    else if (method === "snapshot") this.opened();
  }

  #lost() {
    this.#socket = null;
    // Full jitter: after a restart of the server not all pages come back in the same moment.
    this.#retry = setTimeout(() => this.#open(), Math.random() * this.#waited);
    this.#waited = Math.min(this.#waited * 2, 15_000);
    this.state("reconnecting");
  }
}
