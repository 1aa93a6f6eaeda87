// A notebook that several people have open (jupyter-collaboration): what all their pages would write, one of them does.
import type { Widget } from "./lumino.ts";

/** What a kernel's own update of an output takes at most, in milliseconds, and what one page leaves to the next. */
const SETTLED = 1_500;
const APART = 3_000;

/** Who has a document open: a number for each page. */
interface Awareness {
  readonly clientID: number;
  getStates(): ReadonlyMap<number, unknown>;
}

/**
 * How long, in milliseconds, this page leaves a change of the notebook around `widget` to others; 0 where nobody else has
 * it open. Two pages that replace an output at one moment leave two outputs behind.
 */
export function waitForOthers(widget: Widget): number {
  const awareness = awarenessOf(widget);
  const pages = [...(awareness?.getStates().keys() ?? [])].sort((a, b) => a - b);
  if (awareness === null || pages.length < 2) return 0;
  return SETTLED + Math.max(0, pages.indexOf(awareness.clientID)) * APART;
}

function awarenessOf(widget: Widget): Awareness | null {
  for (let at: Widget | null = widget; at !== null; at = at.parent) {
    const { model } = at as Widget & { readonly model?: { readonly sharedModel?: { readonly awareness?: Awareness | null } } | null };
    const awareness = model?.sharedModel?.awareness;
    if (awareness) return awareness;
  }
  return null;
}
