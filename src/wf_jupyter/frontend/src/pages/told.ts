// What the server told this page.
import { isObject, parseJson } from "../protocol/decode.ts";
import type { Headed } from "./head.ts";

/** One page or the other; `bundle` is where the view is. */
export type Told =
  | { readonly view: "list"; readonly bundle: string; readonly may_write: boolean }
  | ({ readonly view: "execution"; readonly bundle: string; readonly server_id: string } & Headed);

/** What stands in the page beside what every Jupyter page tells; an error when this is no page of ours. */
export function readTold(): Told {
  const parsed = parseJson(document.getElementById("jupyter-config-data")?.textContent ?? "");
  const told = isObject(parsed) ? parsed["wfJupyter"] : null;
  if (!isObject(told)) throw new Error("The page does not say what it shows.");
  return told as unknown as Told;
}

/** The address of one of our pages, by what follows `wf-jupyter/`. */
export function pageAddress(path: string): string {
  const parsed = parseJson(document.getElementById("jupyter-config-data")?.textContent ?? "");
  const base = isObject(parsed) ? String(parsed["baseUrl"]) : "/";
  return `${base}wf-jupyter/${path}`;
}
