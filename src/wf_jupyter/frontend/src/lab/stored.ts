// What a notebook stores of an execution; untrusted like everything that comes with a notebook.
import { isObject } from "../protocol/decode.ts";

export const EXECUTION_TYPE = "application/vnd.wf-jupyter.execution+json";

export interface Stored {
  readonly id: string;
  readonly serverId: string;
  readonly workflow: string;
  readonly epoch: string;
  readonly seq: number;
  readonly status: string;
}

/** Null when it is not of the form that this version knows. */
export function decodeStored(value: unknown): Stored | null {
  if (!isObject(value) || value["version"] !== 1) return null;
  const { id, server_id: serverId, workflow, snapshot } = value;
  if (typeof id !== "string" || id === "" || typeof serverId !== "string" || typeof workflow !== "string") return null;
  const fields = isObject(snapshot) ? snapshot : {};
  const { epoch, seq, status } = fields;
  return {
    id,
    serverId,
    workflow,
    epoch: typeof epoch === "string" ? epoch : "",
    seq: typeof seq === "number" ? seq : -1,
    status: typeof status === "string" ? status : "",
  };
}
