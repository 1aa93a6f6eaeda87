// An execution in a tab of the main area, with the same view as in a cell.
import { pageConfig, Rest } from "../protocol/page.ts";
import type { MountOptions } from "../ui/mount.ts";
import type { Application, Tracker } from "./jupyterlab.ts";
import type { OwnWidget } from "./lumino.ts";

interface Bundle {
  mount(el: HTMLElement, options: MountOptions): () => void;
}

export interface Opened {
  readonly id: string;
  readonly workflow: string;
}

/** Opens executions, each once. */
export class Tabs {
  readonly #opened = new WeakMap<OwnWidget, Opened>();

  constructor(
    private readonly app: Application,
    private readonly create: (node: HTMLElement) => OwnWidget,
    private readonly tracker: Tracker,
    private readonly icon: unknown,
  ) {}

  /** What a tab shows. */
  of(widget: OwnWidget): Opened {
    return this.#opened.get(widget) ?? { id: "", workflow: "" };
  }

  /** Open it, or show the tab that is open. Ends when the tab is known by its name: what is restored before that is closed again. */
  async open(opened: Opened, beside?: string): Promise<void> {
    const known = this.tracker.find((widget) => this.of(widget).id === opened.id);
    const widget = known ?? this.#made(opened, beside);
    this.app.shell.activateById(widget.id);
    if (known === undefined) await this.tracker.add(widget);
  }

  #made(opened: Opened, beside?: string): OwnWidget {
    const node = document.createElement("div");
    node.style.cssText = "overflow: auto; padding: 10px 14px; background: var(--jp-layout-color0)";
    const widget = this.create(node);
    widget.id = `wf-jupyter-${opened.id}`;
    Object.assign(widget.title, { label: opened.workflow || "Execution", caption: `Execution ${opened.id}`, icon: this.icon, closable: true });
    this.#opened.set(widget, opened);
    this.app.shell.add(widget, "main", beside === undefined ? {} : { mode: "split-right", ref: beside });
    void fill(node, opened, widget);
    return widget;
  }
}

async function fill(node: HTMLElement, { id, workflow }: Opened, widget: OwnWidget): Promise<void> {
  const config = pageConfig();
  if (config === null) return;
  const rest = new Rest(config);
  try {
    const [hello, bundle] = await Promise.all([rest.hello(), import(rest.staticUrl("widget.js")) as Promise<Bundle>]);
    if (widget.isDisposed) return;
    const unmount = bundle.mount(node, { execution_id: id, server_id: hello.serverId, workflow });
    widget.disposed.connect(unmount);
  } catch (error) {
    node.textContent = `The execution cannot be shown: ${error instanceof Error ? error.message : String(error)}`;
  }
}
