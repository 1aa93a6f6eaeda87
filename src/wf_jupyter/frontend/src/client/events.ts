// What a client can listen to, and who listens.
import type { Event, Snapshot } from "../protocol/messages.gen.ts";
import type { ConnectionState } from "../protocol/source.ts";

/** How a client is connected; see `ConnectionState`. */
export type ClientConnection = ConnectionState | { readonly kind: "disconnected" };

/** What `on` can listen to: every event of an execution by its type, and what is not an event of one. */
export type ClientEvents = { readonly [E in Event as E["type"]]: E } & {
  /** Every event of a followed execution, whatever its type. */
  readonly event: Event;
  /**
   * The whole state of an execution, in place of events: with a subscription, and whenever events
   * cannot be given one by one any more. What happened before `snapshot.seq` comes no other way.
   */
  readonly snapshot: Snapshot;
  /** Some events of `"*"` may be missing: a list of executions should be read again. */
  readonly list: null;
  /** The connection changed. */
  readonly connection: ClientConnection;
};

export type ClientEventType = keyof ClientEvents;

/** Called with what happened and the id of the execution it happened in (empty for none). */
export type Handler<T extends ClientEventType> = (payload: ClientEvents[T], executionId: string) => void;

type AnyHandler = (payload: never, executionId: string) => void;

/** Handlers by type; one that throws does not keep the others from being called. */
export class Handlers {
  #all = new Map<ClientEventType, Set<AnyHandler>>();

  /** Add a handler; the returned function removes it. */
  add<T extends ClientEventType>(type: T, handler: Handler<T>): () => void {
    // the same function may be added twice, and each addition is removed by itself
    const own: Handler<T> = (payload, id) => handler(payload, id);
    const handlers = this.#all.get(type) ?? new Set();
    this.#all.set(type, handlers.add(own));
    return () => void handlers.delete(own);
  }

  /** Call the handlers of a type. */
  tell<T extends ClientEventType>(type: T, payload: ClientEvents[T], executionId: string): void {
    for (const handler of [...(this.#all.get(type) ?? [])]) {
      try {
        (handler as Handler<T>)(payload, executionId);
      } catch (error) {
        console.error(`wf_jupyter: a handler of ${type} failed`, error);
      }
    }
  }
}
