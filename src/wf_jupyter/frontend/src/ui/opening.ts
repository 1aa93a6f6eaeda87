// How a view asks the page around it to open an execution.

/** The detail has the id and the workflow's name. Whoever opens it prevents the default; else there is a link. */
export const OPEN_EVENT = "wf-jupyter:open";
