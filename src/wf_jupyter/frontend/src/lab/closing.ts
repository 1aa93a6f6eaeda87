// A view that Python closed, by itself or with all widgets: its kernel tells it by closing the comm of the model.
import { isObject } from "../protocol/decode.ts";
import type { Widget } from "./lumino.ts";

interface Message {
  readonly header: { readonly msg_type: string };
  readonly content: unknown;
}

type Slot = (sender: unknown, message: Message) => void;

/** Of a notebook or console: what its kernel says, and how the kernel is. */
interface Session {
  readonly iopubMessage: { connect(slot: Slot): unknown; disconnect(slot: Slot): unknown };
  readonly session: { readonly kernel: { readonly status: string } | null } | null;
}

/** Call `closed` when the kernel of the notebook around `widget` closes this model; returns how to stop. */
export function onClosed(widget: Widget, modelId: string, closed: () => void): () => void {
  const session = sessionOf(widget);
  if (session === null) return () => undefined;
  const heard: Slot = (_, { header, content }) => {
    if (header.msg_type !== "comm_close" || !isObject(content) || content["comm_id"] !== modelId) return;
    // a kernel that ends may drop its models one by one: the execution goes on, and so does its picture
    const status = session.session?.kernel?.status ?? "dead";
    if (status === "busy" || status === "idle") closed();
  };
  session.iopubMessage.connect(heard);
  return () => void session.iopubMessage.disconnect(heard);
}

function sessionOf(widget: Widget): Session | null {
  for (let at: Widget | null = widget; at !== null; at = at.parent) {
    const { sessionContext } = at as Widget & { readonly sessionContext?: Session };
    if (sessionContext !== undefined) return sessionContext;
  }
  return null;
}
