// The standalone pages: mount the bundle's view, or show the list of executions.
import { element } from "./elements.js";
import { ExecutionList } from "./list.js";
import { options } from "./config.js";

const view = document.getElementById("wf-jupyter-view");

start().catch((error) => notice(String(error.message ?? error)));

async function start() {
  const client = await load(options.client);
  if (options.view === "list") new ExecutionList(view, client);
  else {
    const bundle = await load(options.bundle);
    bundle.mount(view, { execution_id: options.execution_id, server_id: options.server_id });
    await offerComparison(new client.WorkflowClient());
  }
}

async function load(script) {
  const module = await import(script).catch(() => null);
  view.removeAttribute("aria-busy");
  if (!module) throw new Error("The page's scripts could not be loaded: the installation has no frontend bundle.");
  return module;
}

// Other executions of the same workflow, to compare this one with.
async function offerComparison(client) {
  const executions = await client.executions({ workflow: options.workflow, limit: 50 });
  const others = executions.filter(({ id }) => id !== options.execution_id);
  if (!others.length) return;
  const choice = element("select", { ariaLabel: "Compare with another execution" }, element("option", { value: "" }, "Compare with…"));
  for (const { id, created, status } of others) {
    choice.append(element("option", { value: id }, `${new Date(created).toLocaleString()} · ${status}`));
  }
  choice.onchange = () => {
    if (choice.value) location.href = `${options.execution_id}/compare/${encodeURIComponent(choice.value)}`;
  };
  document.querySelector(".wfj-page-nav").append(" ", choice);
}

function notice(text) {
  view.replaceChildren(element("p", { className: "wfj-page-notice", role: "alert" }, text));
}
