// What is used of JupyterLab and Lumino, as types of our own; the classes themselves come from the page,
// which shares them by webpack's module federation: a second copy of Lumino would not fit into its panels.

export interface Widget {
  readonly node: HTMLElement;
  readonly parent: Widget | null;
  readonly isDisposed: boolean;
  readonly disposed: { connect(slot: () => void): unknown };
  addClass(name: string): void;
  show(): void;
  hide(): void;
  dispose(): void;
}

/** What a widget shows of itself on a tab. */
export interface Title {
  label: string;
  caption: string;
  closable: boolean;
  icon: unknown;
}

/** A widget of our own: it has a title, and says when it was closed. */
export interface OwnWidget extends Widget {
  id: string;
  readonly title: Title;
  readonly isVisible?: boolean;
}

export interface Panel extends Widget {
  readonly widgets: readonly Widget[];
  addWidget(widget: Widget): void;
}

/** One output of a cell: MIME types and their contents. `setData` changes the notebook, where there is one (not in Voilà). */
export interface MimeModel {
  readonly data: Readonly<Record<string, unknown>>;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly trusted: boolean;
  setData?(options: { readonly data: Readonly<Record<string, unknown>> }): void;
}

export type Renderer = Widget & { renderModel(model: MimeModel): Promise<void> };

/** A notebook's renderers, those of its kernel's widgets among them. */
export interface Registry {
  readonly mimeTypes: readonly string[];
  createRenderer(mimeType: string): Renderer;
}

export interface MimeExtension {
  readonly id: string;
  readonly description: string;
  readonly rank: number;
  readonly dataType: "json";
  readonly rendererFactory: {
    readonly safe: boolean;
    readonly mimeTypes: readonly string[];
    readonly defaultRank: number;
    createRenderer(options: { readonly mimeType: string }): Renderer;
  };
}

/** Who shares what the page itself is made of. */
const CORE = "_JUPYTERLAB.CORE_OUTPUT";

interface Shared {
  readonly loaded?: unknown;
  readonly from?: string;
  get(): Promise<() => unknown>;
}

/** Versions of shared modules by name. */
export type Scope = Readonly<Record<string, Readonly<Record<string, Shared>>>>;

/** The page's own copy of a module: the one that is in use, where it offers several. */
export async function shared(scope: Scope, name: string): Promise<unknown> {
  const versions = Object.values(scope[name] ?? {});
  const chosen = versions.find(({ loaded }) => Boolean(loaded)) ?? versions.find(({ from }) => from === CORE) ?? versions[0];
  if (chosen === undefined) throw new Error(`wf-jupyter: this page does not share ${name}`);
  return (await chosen.get())();
}

/** The registry of the notebook that `widget` stands in. */
export function registryOf(widget: Widget): Registry | null {
  for (let at: Widget | null = widget; at !== null; at = at.parent) {
    const { rendermime } = at as Widget & { readonly rendermime?: Registry };
    if (rendermime !== undefined) return rendermime;
  }
  return null;
}
