// What a page loads: an anywidget, and `mount` for pages of our own.
import type { Model } from "./protocol/relay.ts";
import { App } from "./ui/app.ts";
import { tabOf } from "./ui/header.ts";
import type { MountOptions } from "./ui/mount.ts";
import { Session } from "./ui/session.ts";

interface Context {
  readonly model: Model;
  readonly el: HTMLElement;
  readonly signal?: AbortSignal;
}

const sessions = new WeakMap<Model, Session>();

/** Show `model`'s execution in `el`; several views of one model share what they know. */
function render({ model, el, signal }: Context): () => void {
  const executionId = String(model.get("execution_id") ?? "");
  let session = sessions.get(model);
  if (session === undefined || session.executionId !== executionId) {
    session = new Session(model, executionId);
    sessions.set(model, session);
  }
  const height = Number(model.get("height")) || 0;
  let app: App | null = new App(session, el, { tab: tabOf(model.get("tab")), height });
  const leave = standIn(session, el, model.get("still"));
  const dispose = (): void => {
    leave();
    app?.dispose();
    app = null;
  };
  signal?.addEventListener("abort", dispose, { once: true });
  return dispose;
}

/** The still picture in place of the view while nothing else is known: of a very large graph a notebook keeps no more. */
function standIn(session: Session, el: HTMLElement, still: unknown): () => void {
  if (typeof still !== "string" || still === "" || session.run.tasks.length > 0) return () => undefined;
  const view = el.lastElementChild as HTMLElement;
  const picture = document.createElement("div");
  picture.innerHTML = still;
  view.hidden = true;
  view.before(picture);
  const decide = (): void => {
    if (session.run.tasks.length === 0 || picture.parentElement === null) return;
    view.hidden = false;
    picture.remove();
  };
  const leave = session.join({ changed: decide, connection: decide, said: () => undefined, rewound: () => undefined });
  return () => {
    leave();
    picture.remove();
  };
}

export default { render };

/** A file's recording: the events from the first on, and what is known of earlier executions. */
export interface Recorded {
  readonly execution_id: string;
  readonly workflow: string;
  readonly epoch: string;
  readonly created: string;
  readonly events: readonly unknown[];
  readonly history?: unknown;
  readonly tab?: string;
}

/** Show a recording in `el`, with nothing to connect to. Returns how to remove it. */
export function replay(el: HTMLElement, recording: Recorded): () => void {
  const values: Readonly<Record<string, unknown>> = { ...recording, recording };
  return render({ model: { get: (name) => values[name] }, el });
}

/** Show one execution in `el`, on a page without a kernel. Returns how to remove it. */
export function mount(el: HTMLElement, options: MountOptions): () => void {
  const model: Model = { get: (name) => (options as unknown as Record<string, unknown>)[name] };
  const dispose = render({ model, el });
  const leave = sessions.get(model)?.watch(options);
  return () => {
    leave?.();
    dispose();
  };
}
