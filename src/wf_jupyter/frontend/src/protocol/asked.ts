// What is used of a server's REST interface, whoever implements it.

/** What a poller uses. */
export interface Asked {
  get(path: string, signal?: AbortSignal): Promise<unknown>;
}

/** What a server says of itself when its socket does not open. */
export type Verdict =
  | { readonly kind: "well" }
  | { readonly kind: "away" }
  | { readonly kind: "refused"; readonly reason: string };

/** The same server over HTTP, for where no WebSocket gets through. */
export interface Fallback extends Asked {
  verdict(): Promise<Verdict>;
}
