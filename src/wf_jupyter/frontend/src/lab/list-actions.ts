// What the entries of a list do, wherever the list stands.
import type { Rest } from "../protocol/page.ts";
import type { Board } from "./board.ts";
import type { ListingActions } from "./listing.ts";
import type { Opened } from "./tabs.ts";

export interface PageActions extends ListingActions {
  /** Of an execution's own page. */
  address(id: string): string;
}

/** How a place shows an execution, and what went wrong. */
export interface Place {
  open(opened: Opened): void;
  complain(words: string): void;
}

export function listActions(board: Board, rest: Rest, place: Place): PageActions {
  const home = rest.url("").replace(/api\/v1\/$/, "");
  const address = (id: string): string => `${home}executions/${encodeURIComponent(id)}`;
  const tried = async (words: string, act: () => Promise<unknown>): Promise<void> => {
    try {
      // a click must not take effect minutes later, when the server is back
      if (!board.isCurrent) throw new Error("there is no connection to the server");
      await act();
      board.refresh();
    } catch (error) {
      place.complain(`${words}: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  const { client } = board;
  return {
    address,
    open: ({ id, workflow }) => place.open({ id, workflow }),
    cancel: ({ id, workflow }) => tried(`${workflow} was not cancelled`, () => client.cancel(id)),
    retry: ({ id, workflow }) => tried(`${workflow} was not retried`, () => client.retry(id)),
    rerun: ({ id, workflow }) => tried(`${workflow} was not run again`, async () => place.open({ id: await client.rerun(id), workflow })),
    compare: (before, after) => void window.open(`${address(after.id)}/compare/${encodeURIComponent(before.id)}`),
    page: () => void window.open(home),
  };
}
