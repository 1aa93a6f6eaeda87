// How a page of our own, or JupyterLab without a kernel, asks for a view.
import type { Watcher } from "./session.ts";

/** What `mount` needs; `server_id` is the server's that the page came from. */
export interface MountOptions extends Watcher {
  readonly execution_id: string;
  readonly server_id: string;
  readonly workflow?: string;
  readonly snapshot?: unknown;
  readonly tab?: string;
  readonly height?: number;
}
