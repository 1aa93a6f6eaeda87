// What the model of each view carries as its code: finds the view itself, which one model of the kernel holds for all.
// Where it cannot be had (the kernel is gone, and nothing was saved), the still picture shows in its place.

interface Model {
  get(name: string): unknown;
  send?(content: unknown): void;
  on?(event: string, callback: (content: unknown) => void): void;
  off?(event: string, callback: (content: unknown) => void): void;
  readonly widget_manager?: { get_model?(id: string): Promise<{ get(name: string): unknown }> };
}

interface Context {
  readonly model: Model;
  readonly el: HTMLElement;
  readonly signal?: AbortSignal;
}

interface View {
  readonly default: { render(context: Context): (() => void) | Promise<() => void> };
}

/** Models of one page are made side by side: so often, after so many ms, the one with the code is looked for. */
const PAUSES = [0, 50, 200, 1000];
const PATIENCE_MS = 3_000;
/** One module per page and version of the code, however many views it has. */
const views = ((globalThis as unknown as Record<symbol, Map<string, Promise<View>>>)[Symbol.for("wf_jupyter.views")] ??= new Map());

const later = (ms: number): Promise<null> => new Promise((resolve) => setTimeout(resolve, ms, null));

/** The code from the model that holds it, or null. */
async function held(model: Model): Promise<string | null> {
  for (const pause of PAUSES) {
    await later(pause);
    const found = await Promise.race([model.widget_manager?.get_model?.(String(model.get("code_model"))), later(PATIENCE_MS)]).catch(() => null);
    const code = found?.get("code");
    if (typeof code === "string" && code !== "") return code;
  }
  return null;
}

/** The code from the kernel, which answers when it is idle; never where there is none. */
function asked(model: Model, signal: AbortSignal | undefined): Promise<string> {
  return new Promise((resolve) => {
    const take = (content: unknown): void => {
      const code = (content as { kind?: unknown; code?: unknown } | null)?.code;
      if (typeof code !== "string") return;
      model.off?.("msg:custom", take);
      resolve(code);
    };
    model.on?.("msg:custom", take);
    signal?.addEventListener("abort", () => model.off?.("msg:custom", take), { once: true });
    try {
      model.send?.({ kind: "code" });
    } catch {
      // nobody is there to answer
    }
  });
}

async function load(code: string): Promise<View> {
  const url = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
  try {
    return (await import(/* webpackIgnore: true */ url)) as View;
  } finally {
    URL.revokeObjectURL(url);
  }
}

async function view(model: Model, el: HTMLElement, signal: AbortSignal | undefined): Promise<View> {
  const name = String(model.get("code_hash"));
  const known = views.get(name);
  if (known !== undefined) return known;
  let code = await held(model);
  if (code === null) {
    el.innerHTML = String(model.get("still") ?? "");
    code = await asked(model, signal);
    el.replaceChildren();
  }
  const loading = views.get(name) ?? load(code);
  views.set(name, loading);
  loading.catch(() => views.delete(name));
  return loading;
}

/** Returns at once: how long the code takes, the host must not wait for. */
function render(context: Context): () => void {
  const { model, el } = context;
  const ending = new AbortController();
  const signal = ending.signal;
  let dispose: (() => void) | undefined;
  context.signal?.addEventListener("abort", () => ending.abort(), { once: true });
  void (async () => {
    try {
      const found = await view(model, el, signal);
      if (signal.aborted) return;
      dispose = await found.default.render({ ...context, signal });
      if (signal.aborted) dispose();
    } catch (error) {
      el.innerHTML = String(model.get("still") ?? "");
      console.error("wf_jupyter: the live view cannot be loaded", error);
    }
  })();
  return () => {
    ending.abort();
    dispose?.();
  };
}

export default { render };
