// RFC 3339 times as milliseconds since 1970, exact to the microsecond.

const FORMAT = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/i;

/** Milliseconds with a fraction; NaN for null, undefined and what is no time. */
export function parseTime(text: string | null | undefined): number {
  const match = FORMAT.exec(text ?? "");
  if (match === null) return Number.NaN;
  const micros = Math.floor(Number(`0.${match[2] ?? "0"}`) * 1e6 + 0.5);
  return Date.parse(match[1]! + match[3]!.toUpperCase()) + micros / 1000;
}

/** The same as Python writes it: `Z`, and six digits only where they are not all zero. */
export function formatTime(ms: number): string | null {
  if (Number.isNaN(ms)) return null;
  const micros = Math.round(ms * 1000);
  const seconds = Math.floor(micros / 1e6);
  const rest = micros - seconds * 1e6;
  const head = new Date(seconds * 1000).toISOString().slice(0, 19);
  return `${head}${rest === 0 ? "" : `.${String(rest).padStart(6, "0")}`}Z`;
}
