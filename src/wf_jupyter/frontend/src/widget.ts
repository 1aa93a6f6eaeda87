// What a page loads: an anywidget, and `mount` for pages of our own.
import type { Model } from "./protocol/relay.ts";
import { App, tabOf } from "./ui/app.ts";
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
  const dispose = (): void => {
    app?.dispose();
    app = null;
  };
  signal?.addEventListener("abort", dispose, { once: true });
  return dispose;
}

export default { render };

/** What `mount` needs; `server_id` is the server's that the page came from. */
export interface MountOptions {
  readonly execution_id: string;
  readonly server_id: string;
  readonly workflow?: string;
  readonly snapshot?: unknown;
  readonly tab?: string;
  readonly height?: number;
}

/** Show one execution in `el`, on a page without a kernel. Returns how to remove it. */
export function mount(el: HTMLElement, options: MountOptions): () => void {
  const model: Model = { get: (name) => (options as unknown as Record<string, unknown>)[name] };
  return render({ model, el });
}
