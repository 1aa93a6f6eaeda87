// The standalone pages: all executions, or one with the same view as in the notebook.
import { html } from "../draw/element.ts";
import { showExecution } from "./execution.ts";
import { ExecutionList } from "./list.ts";
import { readPageConfig } from "./page-config.ts";

const place = document.getElementById("wf-jupyter-view")!;

async function start(): Promise<void> {
  const config = readPageConfig();
  place.removeAttribute("aria-busy");
  if (config.view === "list") new ExecutionList(place, config.may_write);
  else await showExecution(place, config);
}

start().catch((error: unknown) => {
  place.replaceChildren(html("p", "wfj-page-notice", { role: "alert" }, error instanceof Error ? error.message : String(error)));
});
