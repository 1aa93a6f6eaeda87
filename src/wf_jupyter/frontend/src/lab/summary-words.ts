// One execution of a list in words.
import { clock, count } from "../draw/format.ts";
import { CANCELLED, FAILED, PENDING, RETRYING, RUNNING, SUCCEEDED } from "../fold/statuses.ts";
import type { ExecutionStatus, Summary } from "../protocol/messages.gen.ts";
import { FINAL } from "../protocol/source.ts";

const ICONS: Readonly<Record<ExecutionStatus, number>> = {
  pending: PENDING,
  running: RUNNING,
  paused: PENDING,
  cancelling: RETRYING,
  interrupted: RETRYING,
  succeeded: SUCCEEDED,
  failed: FAILED,
  cancelled: CANCELLED,
};

export function isFinished(summary: Summary): boolean {
  return FINAL.includes(summary.status);
}

/** The status whose icon stands for it. */
export function iconOf(summary: Summary): number {
  return summary.parked ? PENDING : (ICONS[summary.status] ?? PENDING);
}

/** `Running · 75 % · 1 failed`, `Failed`, `Parked: the disk is full`. */
export function statusWords(summary: Summary): string {
  const { parked, status } = summary;
  if (parked) return `${parked.kind === "unreadable" ? "Unreadable" : "Parked"}: ${parked.reason}`;
  const word = status[0]!.toUpperCase() + status.slice(1);
  const [done, total] = progress(summary);
  if (isFinished(summary) || total === 0) return word;
  const failed = summary.counts?.["failed"] ?? 0;
  const far = total < 50 ? `${done} of ${total}` : `${Math.floor((100 * done) / total)} %`;
  return [word, far, ...(failed > 0 ? [`${count(failed)} failed`] : [])].join(" · ");
}

/** Tasks that are final, and all tasks. */
export function progress({ counts = {} }: Summary): readonly [number, number] {
  const total = Object.values(counts).reduce((sum, many) => sum + many, 0);
  return [total - (counts["pending"] ?? 0) - (counts["running"] ?? 0) - (counts["retrying"] ?? 0), total];
}

/** `day="Monday", parts=300`. */
export function inputWords({ inputs = {} }: Summary): string {
  return Object.entries(inputs).map(([name, value]) => `${name}=${value}`).join(", ");
}

/** How long it took, or takes until now, as on a stop-watch. */
export function lengthOf(summary: Summary, now: number): string {
  const until = summary.ended ? Date.parse(summary.ended) : isFinished(summary) ? Number.NaN : now;
  return Number.isNaN(until) ? "" : clock((until - Date.parse(summary.created)) / 1000);
}

/** `14:06`. */
export function momentOf({ created }: Summary): string {
  return new Date(created).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
}

/** The day it began on: `Today`, `Yesterday`, `22 Nov 2026`. */
export function dayOf({ created }: Summary, now: number): string {
  const day = new Date(created).toDateString();
  if (day === new Date(now).toDateString()) return "Today";
  if (day === new Date(now - 86_400_000).toDateString()) return "Yesterday";
  return new Date(created).toLocaleDateString([], { day: "numeric", month: "short", year: "numeric" });
}

/** Whether a search for `text` finds it: by name, inputs, id or who asked. */
export function matches(summary: Summary, text: string): boolean {
  const within = [summary.workflow, inputWords(summary), summary.id, summary.owner ?? ""].join("\n").toLowerCase();
  return text.toLowerCase().split(/\s+/).every((word) => within.includes(word));
}
