// The standalone pages: all executions, or one with the same view as in the notebook.
import { html } from "../draw/element.ts";
import { showExecution } from "./execution.ts";
import { ExecutionList } from "./list.ts";
import { readTold } from "./told.ts";

const place = document.getElementById("wf-jupyter-view")!;

async function start(): Promise<void> {
  const told = readTold();
  place.removeAttribute("aria-busy");
  if (told.view === "list") new ExecutionList(place, told.may_write);
  else await showExecution(place, told);
}

start().catch((error: unknown) => {
  place.replaceChildren(html("p", "wfj-page-notice", { role: "alert" }, error instanceof Error ? error.message : String(error)));
});
