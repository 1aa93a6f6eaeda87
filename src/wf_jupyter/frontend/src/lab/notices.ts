// A notice when an execution ended that nobody was looking at.
import { clock, headline } from "../draw/format.ts";
import { isObject } from "../protocol/decode.ts";
import type { Failure, Summary } from "../protocol/messages.gen.ts";
import { operationPath, pageConfig, Rest } from "../protocol/page.ts";
import { EXECUTION_TYPE } from "./stored.ts";
import type { NoticeAction, Notices } from "./jupyterlab.ts";
import { isInSight } from "./sight.ts";

/** Which ends are told; see the settings. */
export type Notified = "failed and long" | "failed" | "all" | "none";

export interface NoticeRules {
  readonly notified: Notified;
  /** Seconds from which on an execution was long. */
  readonly long: number;
}

export interface NoticeActions {
  open(summary: Summary): void;
  retry(summary: Summary): Promise<void>;
}

/** Milliseconds that the notice of a success stays; that of a failure stays until it is closed. */
const STAYS_MS = 8_000;

/** Tell that an execution ended, if the rules say so and it is out of sight. */
export async function tellEnd(notices: Notices, summary: Summary, rules: NoticeRules, actions: NoticeActions): Promise<void> {
  if (!isNotified(summary, rules) || isInSight(summary.id)) return;
  const failed = summary.status === "failed";
  const took = clock(seconds(summary));
  const why = failed ? await failure(summary.id) : "";
  const words = failed ? `failed after ${took}${why && `: ${why}`}` : `succeeded after ${took}`;
  const open: NoticeAction = { label: "Open", callback: () => actions.open(summary) };
  const retry: NoticeAction = { label: "Retry", displayType: "accent", callback: () => void actions.retry(summary) };
  const options = { autoClose: failed ? (false as const) : STAYS_MS, actions: failed ? [open, retry] : [open] };
  // JupyterLab shows the message as text
  notices.emit(`${summary.workflow} ${words}`, failed ? "error" : "success", options);
}

function isNotified(summary: Summary, { notified, long }: NoticeRules): boolean {
  const { status } = summary;
  if (notified === "none" || status === "cancelled") return false;
  return status === "failed" || notified === "all" || (notified === "failed and long" && seconds(summary) >= long);
}

function seconds({ created, ended }: Summary): number {
  return ended ? (Date.parse(ended) - Date.parse(created)) / 1000 : 0;
}

/** What failed and where, from the same bounded picture that notebooks store; empty when it cannot be had. */
async function failure(execution: string): Promise<string> {
  const config = pageConfig();
  if (config === null) return "";
  const notified = await new Rest(config).get(operationPath("executions/{execution_id}/picture", { execution_id: execution })).catch(() => null);
  const stored = isObject(notified) ? notified[EXECUTION_TYPE] : null;
  const snapshot = isObject(stored) ? stored["snapshot"] : null;
  const tasks = isObject(snapshot) && Array.isArray(snapshot["tasks"]) ? snapshot["tasks"] : [];
  const task: unknown = tasks.find((each: unknown) => isObject(each) && isObject(each["error"]) && each["status"] === "failed");
  if (!isObject(task)) return "";
  const words = headline(task["error"] as unknown as Failure);
  return `${words.length > 120 ? `${words.slice(0, 119)}…` : words} in ${String(task["key"])}`;
}
