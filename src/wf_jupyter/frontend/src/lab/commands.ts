// Commands, for the palette, the launcher and the keyboard settings of JupyterLab.
import type { Summary } from "../protocol/messages.gen.ts";
import type { Board } from "./board.ts";
import type { Application, Command, Parts } from "./jupyterlab.ts";
import type { PageActions } from "./list-actions.ts";
import { isFinished } from "./summary-words.ts";
import type { Opened } from "./tabs.ts";

export const SHOW = "wf-jupyter:show";
export const OPEN = "wf-jupyter:open";
const CATEGORY = "Workflows";

export interface Places {
  show(): Promise<void>;
  open(opened: Opened): Promise<void>;
}

/** Add them all; those that a person can give without arguments go to the palette. */
export function addCommands(app: Application, parts: Parts, board: Board, actions: PageActions, icon: unknown, places: Places): void {
  const latest = (test: (summary: Summary) => boolean): Summary | undefined => board.summaries.find(test);
  const onLatest = (label: string, test: (summary: Summary) => boolean, act: (summary: Summary) => unknown): Command => ({
    label,
    isEnabled: () => latest(test) !== undefined,
    execute: () => {
      const found = latest(test);
      return found === undefined ? undefined : act(found);
    },
  });
  const commands: Readonly<Record<string, Command>> = {
    [SHOW]: { label: "Workflow Executions", caption: "Show what runs and what ran", icon, execute: () => places.show() },
    "wf-jupyter:open-page": { label: "Open All Executions in a Browser Tab", execute: () => actions.page() },
    "wf-jupyter:open-latest": onLatest("Open the Latest Execution", () => true, (summary) => actions.open(summary)),
    "wf-jupyter:cancel-latest": onLatest("Cancel the Latest Running Execution", (summary) => !isFinished(summary), (summary) => actions.cancel(summary)),
    "wf-jupyter:retry-latest": onLatest("Retry the Latest Failed Execution", ({ status }) => status === "failed", (summary) => actions.retry(summary)),
    "wf-jupyter:rerun-latest": onLatest("Run the Latest Finished Execution Again", isFinished, (summary) => actions.rerun(summary)),
  };
  for (const [id, command] of Object.entries(commands)) {
    app.commands.addCommand(id, command);
    parts.palette?.addItem({ command: id, category: CATEGORY });
  }
  app.commands.addCommand(OPEN, {
    label: ({ workflow }) => `Open Execution of ${String(workflow)}`,
    execute: ({ id, workflow }) => places.open({ id: String(id), workflow: String(workflow ?? "") }),
  });
  board.join({ changed: () => app.commands.notifyCommandChanged() });
}
