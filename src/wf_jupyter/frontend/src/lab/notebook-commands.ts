// Commands on the notebook that is open: run it as a workflow, show its data flow, go to the cell that failed.
import type { Snapshot, Summary } from "../protocol/messages.gen.ts";
import { drawFlow, type FlowCell } from "./data-flow.ts";
import type { Application, Parts } from "./jupyterlab.ts";
import type { OwnWidget } from "./lumino.ts";
import { ask, currentNotebook, fileName, goTo, indexOf, openNotebook, type NotebookPanel, type Services } from "./notebook-page.ts";
import type { Opened } from "./tabs.ts";

export const RUN = "wf-jupyter:run-notebook";
export const FLOW = "wf-jupyter:show-data-flow";
export const FAILED_CELL = "wf-jupyter:open-failed-cell";
const CATEGORY = "Workflows";

/** What the commands need of what stands around notebooks. */
export interface Around {
  create(node: HTMLElement): OwnWidget;
  /** Beside the widget of this id. */
  open(opened: Opened, beside: string): Promise<unknown>;
  complain(words: string): void;
  /** Executions, newest first. */
  summaries(): readonly Summary[];
  snapshot(id: string): Promise<Snapshot>;
}

export function addNotebookCommands(app: Application, parts: Parts, around: Around): void {
  const current = (): NotebookPanel | null => currentNotebook(app);
  const services = (): Services => app.serviceManager as Services;
  const tried = async (words: string, act: (panel: NotebookPanel) => Promise<unknown>): Promise<void> => {
    const panel = current();
    if (panel === null) return around.complain("Open a notebook first");
    try {
      // what is saved is what runs
      if (panel.context.model.dirty) await panel.context.save();
      await act(panel);
    } catch (error) {
      around.complain(`${words}: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  const commands = {
    [RUN]: {
      label: "Run as Workflow",
      caption: "Run the saved notebook apart from its kernel; only cells that changed run",
      isEnabled: () => current() !== null,
      execute: () => tried("The notebook was not run", async (panel) => around.open(await ask<Opened>(services(), panel, "submit"), panel.id)),
    },
    [FLOW]: {
      label: "Show Data Flow",
      caption: "Which cell reads what from which, and what a run as a workflow would do with each",
      isEnabled: () => current() !== null,
      execute: () =>
        tried("The data flow cannot be shown", async (panel) => {
          const { cells } = await ask<{ readonly cells: readonly FlowCell[] }>(services(), panel, "flow");
          showFlow(app, around, panel, cells);
        }),
    },
    [FAILED_CELL]: {
      label: "Open at the Cell That Failed",
      caption: "Of the latest failed execution of a notebook that is open",
      isEnabled: () => failed(app, around) !== null,
      execute: async () => {
        const found = failed(app, around);
        if (found === null) return;
        const { summary, panel } = found;
        try {
          const index = failedIndex(await around.snapshot(summary.id), panel);
          if (index < 0) around.complain(`The cell of ${summary.workflow} that failed is not there any more`);
          else goTo(app, panel, index);
        } catch (error) {
          around.complain(`${summary.workflow} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
        }
      },
    },
  };
  for (const [id, command] of Object.entries(commands)) {
    app.commands.addCommand(id, command);
    parts.palette?.addItem({ command: id, category: CATEGORY });
  }
}

/** The latest execution that failed, of a notebook that is open. */
function failed(app: Application, around: Around): { readonly summary: Summary; readonly panel: NotebookPanel } | null {
  for (const summary of around.summaries()) {
    if (summary.status !== "failed" || !summary.workflow.endsWith(".ipynb")) continue;
    const panel = openNotebook(app, summary.workflow);
    if (panel !== null) return { summary, panel };
  }
  return null;
}

/** A cell's task is named by its number and its label, in the group of its heading. */
function failedIndex(snapshot: Snapshot, panel: NotebookPanel): number {
  const name = (key: string): string => key.slice(key.lastIndexOf("/") + 1);
  const parameters = (snapshot.tasks ?? []).filter(({ key }) => name(key).endsWith(": parameters")).length;
  const number = Number.parseInt(name(snapshot.failed?.[0] ?? ""), 10);
  return Number.isNaN(number) ? -1 : indexOf(panel, number, parameters > 1);
}

function showFlow(app: Application, around: Around, panel: NotebookPanel, cells: readonly FlowCell[]): void {
  const node = document.createElement("div");
  node.style.cssText = "overflow: auto; padding: 10px 14px; background: var(--jp-layout-color0)";
  drawFlow(node, cells, (cell) => goTo(app, panel, cell.position));
  const widget = around.create(node);
  widget.id = `wf-jupyter-flow-${crypto.randomUUID()}`;
  Object.assign(widget.title, { label: `Data flow of ${fileName(panel)}`, caption: panel.context.path, closable: true });
  app.shell.add(widget, "main", { mode: "split-right", ref: panel.id });
  app.shell.activateById(widget.id);
}
