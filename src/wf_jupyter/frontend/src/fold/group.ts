// What tasks are drawn in: maps, sub-workflows, and loops that only the view knows.

/** Calls of one task at one level, or tasks one after the other. */
export type LoopKind = "calls" | "chain";

/** A mapped task or sub-workflow, with the counts of all tasks inside it, at any depth. */
export interface Group {
  readonly key: string;
  readonly name: string;
  readonly kind: "map" | "workflow";
  /** What the view folds by itself: calls of one task at one level, or a chain; null for a group of the execution. */
  readonly loop: LoopKind | null;
  readonly groupKey: string | null;
  readonly dependencies: readonly string[];
  size: number | null;
  /** Index of the enclosing group, or -1. */
  parent: number;
  /** Rows whose innermost group this is, in order of appearance. */
  readonly members: number[];
  readonly counts: Uint32Array;
}
