// What tasks return and display. Nothing of it may run or load anything: HTML lives in a sandbox.
import { html } from "../draw/element.ts";
import { stretchElement, stretches } from "./ansi.ts";

const POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:";
const IMAGES = ["image/png", "image/jpeg", "image/gif", "image/webp"];
const BASE64 = /^[A-Za-z0-9+/=\s]*$/;

/** The richest safe form of a MIME bundle, or null when it holds nothing that can be shown. */
export function outputElement(data: Readonly<Record<string, unknown>>, label: string, dark: boolean): HTMLElement | null {
  for (const type of IMAGES) {
    const value = data[type];
    if (typeof value === "string" && BASE64.test(value)) return image(`data:${type};base64,${value.replace(/\s/g, "")}`, label);
  }
  const vector = data["image/svg+xml"];
  if (typeof vector === "string") return image(`data:image/svg+xml,${encodeURIComponent(vector)}`, label);
  if (typeof data["text/html"] === "string") return sandbox(data["text/html"], label, dark);
  return typeof data["text/plain"] === "string" ? plainText(data["text/plain"]) : null;
}

/** Text as it is, with terminal colours. */
export function plainText(text: string): HTMLElement {
  return html("pre", "wfj-pre", { tabindex: 0 }, ...stretches(text).parts.map(stretchElement));
}

/** HTML in a frame that has no scripts, no forms, no origin and no network. */
export function sandbox(source: string, label: string, dark: boolean): HTMLElement {
  const frame = html("iframe", "wfj-frame", { sandbox: "", title: label, loading: "lazy", referrerpolicy: "no-referrer" });
  const style = `:root{color-scheme:${dark ? "dark" : "light"}}body{font:12px system-ui,sans-serif;margin:4px}
table{border-collapse:collapse}td,th{padding:2px 8px;text-align:right;border:0;border-bottom:1px solid #8884}`;
  // a sandboxed frame cannot be measured: rows are counted instead
  const rows = source.match(/<(tr|br|p|li|div)\b/gi)?.length ?? 0;
  frame.style.height = `${Math.min(260, Math.max(44, 26 + rows * 21))}px`;
  frame.srcdoc = `<!doctype html><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${POLICY}"><style>${style}</style>${source}`;
  return frame;
}

function image(url: string, label: string): HTMLElement {
  const element = html("img", "wfj-image", { alt: label });
  element.src = url;
  return element;
}
