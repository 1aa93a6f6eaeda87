// The notebook that is open in JupyterLab, and the kernel that is started for a moment to ask about it.
import type { Application } from "./jupyterlab.ts";
import type { OwnWidget } from "./lumino.ts";

interface CellModel {
  readonly type: string;
  getMetadata?(name: string): unknown;
  readonly sharedModel?: { getSource(): string };
}

/** What is used of a `NotebookPanel`. */
export interface NotebookPanel extends OwnWidget {
  readonly content: {
    readonly widgets: readonly { readonly model: CellModel; readonly node: HTMLElement }[];
    activeCellIndex: number;
    scrollToItem?(index: number, align?: string): Promise<void>;
  };
  readonly context: {
    readonly path: string;
    readonly model: { readonly dirty: boolean };
    save(): Promise<void>;
  };
  readonly sessionContext?: {
    readonly session?: { readonly kernel?: { readonly name: string } | null } | null;
    readonly kernelPreference?: { readonly name?: string };
  };
}

interface Future {
  onIOPub: (message: { readonly header: { readonly msg_type: string }; readonly content: Readonly<Record<string, unknown>> }) => void;
  readonly done: Promise<unknown>;
}

interface Session {
  readonly kernel: { requestExecute(content: { readonly code: string; readonly store_history: boolean }): Future } | null;
  shutdown(): Promise<void>;
}

/** What is used of JupyterLab's services. */
export interface Services {
  readonly sessions: {
    startNew(options: { readonly path: string; readonly name: string; readonly type: string; readonly kernel: { readonly name: string } }): Promise<Session>;
  };
  readonly kernelspecs: { readonly specs: { readonly default: string } | null };
}

const MARK = "wf-jupyter:";

/** The notebook, if a widget is one. */
export function notebookOf(widget: OwnWidget | null | undefined): NotebookPanel | null {
  const panel = widget as Partial<NotebookPanel> | null | undefined;
  return panel?.context?.path?.endsWith(".ipynb") && panel.content?.widgets !== undefined ? (panel as NotebookPanel) : null;
}

/** The notebook that a person works with: the current widget, or, while something else has the focus, the one that is seen. */
export function currentNotebook(app: Application): NotebookPanel | null {
  const current = notebookOf(app.shell.currentWidget);
  if (current !== null || app.shell.currentWidget !== null) return current;
  const seen = [...(app.shell.widgets?.("main") ?? [])].filter((widget) => widget.isVisible === true).map(notebookOf);
  return seen.find((panel) => panel !== null) ?? null;
}

/** The open notebook of this file name: an execution knows no more of where it comes from. */
export function openNotebook(app: Application, name: string): NotebookPanel | null {
  for (const widget of app.shell.widgets?.("main") ?? []) {
    const panel = notebookOf(widget);
    if (panel !== null && fileName(panel) === name) return panel;
  }
  return null;
}

export function fileName(panel: NotebookPanel): string {
  return panel.context.path.split("/").at(-1)!;
}

/** Show a cell by its index in the notebook. */
export function goTo(app: Application, panel: NotebookPanel, index: number): void {
  app.shell.activateById(panel.id);
  if (index < 0 || index >= panel.content.widgets.length) return;
  panel.content.activeCellIndex = index;
  const scrolled = panel.content.scrollToItem?.(index, "center");
  if (scrolled === undefined) panel.content.widgets[index]!.node.scrollIntoView({ block: "center" });
  else scrolled.catch(() => undefined);
}

/** The index of the cell that runs as the `number`th; with parameters, these are a cell more after the tagged one. */
export function indexOf(panel: NotebookPanel, number: number, hasParameters: boolean): number {
  const cells = panel.content.widgets.map(({ model }) => model);
  const tags = (cell: CellModel): readonly string[] => (cell.getMetadata?.("tags") as readonly string[] | undefined) ?? [];
  const runs = (cell: CellModel): boolean =>
    cell.type === "code" && (cell.sharedModel?.getSource() ?? "").trim() !== "" && !tags(cell).includes("skip-execution");
  const tagged = cells.findIndex((cell) => cell.type === "code" && tags(cell).includes("parameters"));
  let count = hasParameters && tagged < 0 ? 1 : 0;
  for (const [index, cell] of cells.entries()) {
    if (runs(cell)) count += 1;
    if (count === number && runs(cell)) return index;
    if (hasParameters && index === tagged) count += 1;
  }
  return -1;
}

/** Ask `wf_jupyter.notebooks.page` in a kernel of the notebook's kind, which ends with the answer. */
export async function ask<T>(services: Services, panel: NotebookPanel, what: "submit" | "flow"): Promise<T> {
  const { path } = panel.context;
  const context = panel.sessionContext;
  const name = context?.session?.kernel?.name ?? (context?.kernelPreference?.name || services.kernelspecs.specs?.default) ?? "python3";
  // in the notebook's directory; the kernel of the notebook itself may be busy, and is left alone
  const place = path.slice(0, path.lastIndexOf("/") + 1);
  const session = await services.sessions.startNew({ path: `${place}wf-jupyter-${crypto.randomUUID()}`, name: "", type: "console", kernel: { name } });
  try {
    const code = `from wf_jupyter.notebooks import page\npage.${what}(${JSON.stringify(path.slice(place.length))})`;
    const future = session.kernel!.requestExecute({ code, store_history: false });
    let printed = "";
    let raised = "";
    future.onIOPub = ({ header, content }) => {
      if (header.msg_type === "stream" && content["name"] === "stdout") printed += String(content["text"]);
      if (header.msg_type === "error") raised = `${String(content["ename"])}: ${String(content["evalue"])}`;
    };
    await future.done;
    const line = printed.split("\n").find((each) => each.startsWith(MARK));
    if (line === undefined) throw new Error(raised || "the kernel did not answer");
    const answer = JSON.parse(line.slice(MARK.length)) as T & { readonly error?: string };
    if (answer.error !== undefined) throw new Error(answer.error);
    return answer;
  } finally {
    await session.shutdown().catch(() => undefined);
  }
}
