// How a page of our own, or JupyterLab without a kernel, asks for a view.

/** What `mount` needs; `server_id` is the server's that the page came from. */
export interface MountOptions {
  readonly execution_id: string;
  readonly server_id: string;
  readonly workflow?: string;
  readonly snapshot?: unknown;
  readonly tab?: string;
  readonly height?: number;
  /** Called each time that the execution is seen to be in a final state, which `seq` and `epoch` name. */
  readonly ended?: (seq: number, epoch: string) => void;
}
