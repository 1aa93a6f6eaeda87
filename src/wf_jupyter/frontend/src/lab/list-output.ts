// `wf.executions()` in a cell: the live list where the page's server has them, else the table that the notebook stored.
import type { ExecutionQuery } from "../client/client.ts";
import { isObject } from "../protocol/decode.ts";
import { pageConfig, Rest } from "../protocol/page.ts";
import { OPEN_EVENT } from "../ui/opening.ts";
import { Board } from "./board.ts";
import { listActions } from "./list-actions.ts";
import { Listing } from "./listing.ts";
import type { MimeModel, Panel } from "./lumino.ts";
import { Still } from "./still.ts";

export const EXECUTIONS_TYPE = "application/vnd.wf-jupyter.executions+json";

export class ListOutput {
  readonly #still: Still;
  #listing: Listing | null = null;
  #shows = "";

  constructor(private readonly panel: Panel) {
    this.#still = new Still(panel);
  }

  show(model: MimeModel): void {
    const stored = model.data[EXECUTIONS_TYPE];
    const shows = JSON.stringify(stored);
    if (shows === this.#shows) return;
    this.#shows = shows;
    this.#clear();
    this.#still.draw(model);
    const config = pageConfig();
    if (config !== null && isObject(stored) && stored["version"] === 1) void this.#look(new Rest(config), stored);
  }

  dispose(): void {
    this.#shows = "";
    this.#clear();
  }

  async #look(rest: Rest, stored: Readonly<Record<string, unknown>>): Promise<void> {
    const shows = this.#shows;
    const hello = await rest.hello().catch(() => null);
    if (this.#shows !== shows || hello === null || !hello.ready) return;
    const board = new Board(queryOf(stored["query"]));
    const actions = listActions(board, rest, {
      open: (opened) => {
        const event = new CustomEvent(OPEN_EVENT, { detail: opened, cancelable: true });
        if (document.dispatchEvent(event)) window.open(`${rest.url("").replace(/api\/v1\/$/, "")}executions/${encodeURIComponent(opened.id)}`);
      },
      complain: (words) => this.#still.say(words),
    });
    this.#still.remove();
    this.#listing = new Listing(board, actions, "Executions");
    this.#listing.element.classList.add("wfj-listing-cell");
    this.panel.node.append(this.#listing.element);
  }

  #clear(): void {
    this.#listing?.dispose();
    this.#listing = null;
    this.#still.remove();
  }
}

/** What a notebook says is looked at: it may come from anybody. */
function queryOf(stored: unknown): ExecutionQuery {
  if (!isObject(stored)) return {};
  const { status, workflow, limit } = stored;
  return {
    ...(typeof status === "string" && { status: status as NonNullable<ExecutionQuery["status"]> }),
    ...(typeof workflow === "string" && { workflow }),
    ...(typeof limit === "number" && limit >= 1 && { limit: Math.min(200, Math.floor(limit)) }),
  };
}
