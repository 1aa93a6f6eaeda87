// The configuration that the server wrote into this page.
import { isObject, parseJson } from "../protocol/decode.ts";
import type { Headed } from "./head.ts";

/** One page or the other; `bundle` is where the view is. */
export type PageConfig =
  | { readonly view: "list"; readonly bundle: string; readonly may_write: boolean }
  | ({ readonly view: "execution"; readonly bundle: string; readonly server_id: string } & Headed);

/** Read what stands in the page beside what every Jupyter page tells; an error when this is no page of ours. */
export function readPageConfig(): PageConfig {
  const parsed = parseJson(document.getElementById("jupyter-config-data")?.textContent ?? "");
  const config = isObject(parsed) ? parsed["wfJupyter"] : null;
  if (!isObject(config)) throw new Error("The page does not say what it shows.");
  return config as unknown as PageConfig;
}

/** The address of one of our pages, by what follows `wf-jupyter/`. */
export function pageAddress(path: string): string {
  const parsed = parseJson(document.getElementById("jupyter-config-data")?.textContent ?? "");
  const base = isObject(parsed) ? String(parsed["baseUrl"]) : "/";
  return `${base}wf-jupyter/${path}`;
}
