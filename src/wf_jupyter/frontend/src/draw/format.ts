// Numbers, times and sizes as people read them.
import type { Failure, ResultInfo } from "../protocol/messages.gen.ts";

const GROUPED = new Intl.NumberFormat("en");

/** `816`, `12,345`, `1.24 M`. */
export function count(value: number): string {
  if (Math.abs(value) < 1e6) return GROUPED.format(Math.round(value * 100) / 100);
  const [scaled, unit] = Math.abs(value) < 1e9 ? [value / 1e6, "M"] : [value / 1e9, "G"];
  return `${Number(scaled.toPrecision(3))} ${unit}`;
}

/** A number per second: `0.4`, `8.1`, `240`. */
export function rate(value: number): string {
  return value < 9.95 ? value.toFixed(1) : count(Math.round(value));
}

/** A length of time in seconds: `40 ms`, `9.4 s`, `21 s`, `1:24`, `2:03:04`. */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return "";
  const s = Math.max(0, seconds);
  if (s < 0.0995) return `${Math.round(s * 1000)} ms`;
  if (s < 9.95) return `${s.toFixed(1)} s`;
  if (s < 59.5) return `${Math.round(s)} s`;
  return clock(s);
}

/** The same as on a stop-watch: `0:09`, `1:24`, `2:03:04`. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds + 1e-6));
  const pad = (value: number): string => String(value).padStart(2, "0");
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return h > 0 ? `${h}:${pad(m)}:${pad(s)}` : `${m}:${pad(s)}`;
}

/** `512 B`, `1.2 kB`, `3.4 MB`. */
export function bytes(size: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = size;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? value : value < 9.95 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

/** What a result is, in a few characters; empty when there is nothing worth saying. */
export function fact(result: ResultInfo | undefined): string {
  if (result === undefined) return "";
  const { shape, length, type } = result;
  if (shape && shape.length >= 2) return shape.length === 2 ? `${count(shape[0]!)} rows` : shape.join(" × ");
  if (shape && shape.length === 1) return `${count(shape[0]!)} values`;
  const text = (result.text ?? "").trim();
  if (type !== "NoneType" && text !== "" && text.length <= 16 && !text.includes("\n")) return text;
  if (length !== null && length !== undefined && type !== "str" && type !== "bytes") {
    return `${count(length)} ${length === 1 ? "item" : "items"}`;
  }
  return "";
}

/** The error in one line: `ValueError: 14 rows with null order_id`. */
export function headline(error: Failure): string {
  const first = error.message.split("\n", 1)[0]!.trim();
  if (error.kind === "raised" && first) return first.startsWith(error.type) ? first : `${error.type}: ${first}`;
  return first || kindWord(error);
}

/** The error in a word or two: the exception's class, or what happened to the task. */
export function kindWord(error: Failure): string {
  switch (error.kind) {
    case "raised":
      return error.type.slice(error.type.lastIndexOf(".") + 1) || "failed";
    case "timeout":
      return "timed out";
    case "worker_lost":
      return "worker lost";
    case "upstream":
      return error.message || "did not succeed";
    case "value":
      return "value not usable";
    case "definition":
      return "cannot be mapped";
    default:
      return error.kind;
  }
}
