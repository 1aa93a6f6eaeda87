// The page of one execution: the view of the notebook, and others of its workflow to compare it with.
import { WorkflowClient } from "../client/client.ts";
import { html } from "../draw/element.ts";
import type { MountOptions } from "../ui/mount.ts";
import { showHead, type Headed } from "./head.ts";
import { pageAddress } from "./page-config.ts";

interface Bundle {
  mount(element: HTMLElement, options: MountOptions): () => void;
}

interface Shown extends Headed {
  readonly bundle: string;
  readonly server_id: string;
}

const MOST = 50;

/** Show it; an error when the view's script is not there. */
export async function showExecution(place: HTMLElement, shown: Shown): Promise<void> {
  const head = document.getElementById("wf-jupyter-head");
  if (head !== null) showHead(head, shown);
  const bundle = (await import(shown.bundle).catch(() => null)) as Bundle | null;
  if (bundle === null) throw new Error("The page's scripts could not be loaded: the installation has no frontend bundle.");
  bundle.mount(place, { execution_id: shown.execution_id, server_id: shown.server_id });
  const choice = await comparison(shown);
  if (choice !== null) document.querySelector(".wfj-page-nav")?.append(" ", choice);
}

async function comparison({ execution_id, workflow }: Shown): Promise<HTMLElement | null> {
  const executions = await new WorkflowClient().executions({ workflow, limit: MOST });
  const others = executions.filter(({ id }) => id !== execution_id);
  if (others.length === 0) return null;
  const entries = others.map(({ id, created, status }) => html("option", "", { value: id }, `${new Date(created).toLocaleString()} · ${status}`));
  const choice = html("select", "", { "aria-label": "Compare with another execution" }, html("option", "", { value: "" }, "Compare with…"), ...entries);
  choice.addEventListener("change", () => {
    if (choice.value) location.href = pageAddress(`executions/${encodeURIComponent(execution_id)}/compare/${encodeURIComponent(choice.value)}`);
  });
  return choice;
}
