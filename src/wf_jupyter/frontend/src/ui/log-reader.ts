// Where the log of a task is read: from whoever runs the execution, or from what was recorded of it.
import { isObject } from "../protocol/decode.ts";
import type { Session } from "./session.ts";

/** Text from a byte on; `end` is where the next stretch begins, `size` how many bytes there are by now. */
export interface LogStretch {
  readonly text: string;
  readonly end: number;
  readonly size: number;
}

/** A line that holds what was searched for: its number from 1, and the byte that it begins at. */
export interface FoundLine {
  readonly line: number;
  readonly offset: number;
  readonly text: string;
}

/** The attempts of one task. */
export interface LogReader {
  read(attempt: number, offset: number, limit: number): Promise<LogStretch>;
  search(attempt: number, text: string): Promise<{ readonly count: number; readonly lines: readonly FoundLine[] }>;
}

/** The log of the task `key`. */
export function logReader(session: Session, key: string): LogReader {
  const recorded = (attempt: number): string | null =>
    session.recorded(key, "task.log")?.map((event) => (event.type === "task.log" && event.attempt === attempt ? event.text : "")).join("") ?? null;
  return {
    async read(attempt, offset, limit) {
      const text = recorded(attempt);
      if (text !== null) return stretch(new TextEncoder().encode(text), offset, limit);
      const answer = await session.ask("log", { task: key, attempt, offset, limit });
      return { text: String(answer["text"] ?? ""), end: Number(answer["end"]) || 0, size: Number(answer["size"]) || 0 };
    },
    async search(attempt, wanted) {
      const text = recorded(attempt);
      if (text !== null) return found(text, wanted);
      const page = await session.ask("search", { task: key, attempt, text: wanted });
      const lines = Array.isArray(page["lines"]) ? page["lines"].filter(isFound) : [];
      return { count: Number(page["count"]) || 0, lines };
    },
  };
}

function stretch(all: Uint8Array, offset: number, limit: number): LogStretch {
  const end = Math.min(all.length, offset + limit);
  return { text: new TextDecoder().decode(all.subarray(offset, end)), end, size: all.length };
}

function found(text: string, wanted: string): { count: number; lines: FoundLine[] } {
  const lines: FoundLine[] = [];
  let offset = 0;
  text.split("\n").forEach((line, index) => {
    if (line.toLowerCase().includes(wanted.toLowerCase())) lines.push({ line: index + 1, offset, text: line });
    offset += new TextEncoder().encode(line).length + 1;
  });
  return { count: lines.length, lines: lines.slice(0, 500) };
}

function isFound(value: unknown): value is FoundLine {
  return isObject(value) && typeof value["text"] === "string" && typeof value["offset"] === "number" && typeof value["line"] === "number";
}
