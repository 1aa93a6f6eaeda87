// HTML that a task made, in frames where its scripts run and reach nothing: neither the page, nor its origin, nor the
// network. As a script may lead its own frame to another address, that frame lies in one that lets it lead nowhere.
import { html } from "../draw/element.ts";

const POLICY = "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval' data: blob:; style-src 'unsafe-inline' data:; img-src data: blob:; font-src data:; media-src data: blob:; worker-src blob:; webrtc 'block'";
const META = `<meta http-equiv="Content-Security-Policy" content="${POLICY}">`;
const LOWEST = 24;
const TALLEST = 640;
/** A frame that says nothing for so long has no scripts: a page around it may forbid them. */
const SILENT_MS = 2_500;
/** Widgets and plots are drawn a moment after the page is there. */
const EMPTY_MS = 1_500;

/** Tells the page around how tall this one is, whether anything is to be seen, and what was refused. */
const REPORT = `(() => {
const refused = new Set();
let reported = "";
const seen = () => {
  const body = document.body;
  if (body.innerText.trim() !== "") return true;
  return [...body.querySelectorAll("svg,canvas,img,video,audio,input,iframe[srcdoc],hr,progress,meter")].some((e) => {
    const box = e.getBoundingClientRect();
    return box.width > 1 && box.height > 1 && (e.localName !== "img" || e.naturalWidth > 0);
  });
};
const tell = () => {
  if (!document.body) return;
  const height = Math.ceil(document.documentElement.getBoundingClientRect().height);
  const said = { height: Math.max(height, document.body.scrollHeight), seen: seen(), refused: [...refused].slice(0, 5) };
  if (JSON.stringify(said) === reported) return;
  reported = JSON.stringify(said);
  parent.parent.postMessage({ wfj: said }, "*");
};
document.addEventListener("securitypolicyviolation", (event) => { refused.add(String(event.blockedURI).slice(0, 200)); tell(); });
addEventListener("DOMContentLoaded", () => { new ResizeObserver(tell).observe(document.documentElement); tell(); });
addEventListener("load", tell);
for (const wait of [100, 400, 1200]) setTimeout(tell, wait);
})();`;

/** The look of what HTML brings without a style of its own: tables are as a notebook shows them. */
const LOOK = `body{font:13px/1.4 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;margin:0;padding:4px;overflow-wrap:anywhere}
html{overflow:auto}img,svg,video{max-width:100%}p{margin:4px 0}
table{border-collapse:collapse;border-spacing:0;border:none;font-size:12px;font-variant-numeric:tabular-nums;overflow-wrap:normal}
thead{border-bottom:1px solid var(--line);vertical-align:bottom}
tr,th,td{text-align:right;vertical-align:middle;padding:4px 8px;line-height:normal;white-space:nowrap;max-width:none;border:none}
th{font-weight:600}tbody tr:nth-child(odd){background:var(--zebra)}tbody tr:hover{background:var(--hover)}`;

/** What a frame found out about what it holds. */
export interface FrameReport {
  readonly seen: boolean;
  /** Addresses that were asked for in vain. */
  readonly refused: readonly string[];
}

/** Frames for `source`, as tall as what they hold; `onReport` is called with what becomes known of it. */
export function sandbox(source: string, label: string, dark: boolean, onReport: (what: FrameReport) => void): HTMLElement {
  const frame = html("iframe", "wfj-frame", { sandbox: "allow-scripts", title: label, loading: "lazy", referrerpolicy: "no-referrer" });
  frame.style.height = `${LOWEST * 2}px`;
  frame.srcdoc = outer(source, label, dark);
  let isSilent = true;
  let empty: ReturnType<typeof setTimeout> | undefined;
  const listen = (event: MessageEvent): void => {
    if (!frame.isConnected) return removeEventListener("message", listen);
    // only the inner frame speaks: it is the first one of ours; before it is there, the mere question raises
    const around = frame.contentWindow;
    if (event.source === null || around === null || around.length === 0 || event.source !== around[0]) return;
    const said = report(event.data);
    if (said === null) return;
    isSilent = false;
    frame.style.height = `${Math.min(TALLEST, Math.max(LOWEST, said.height)) + 2}px`;
    clearTimeout(empty);
    if (said.seen) onReport(said);
    else empty = setTimeout(() => frame.isConnected && onReport(said), EMPTY_MS);
  };
  addEventListener("message", listen);
  frame.addEventListener("load", () => {
    setTimeout(() => {
      if (!isSilent || !frame.isConnected) return;
      // what cannot be measured is counted
      const rows = source.match(/<(tr|br|p|li|div)\b/gi)?.length ?? 0;
      frame.style.height = `${Math.min(260, Math.max(44, 26 + rows * 21))}px`;
      if (/<script\b/i.test(source)) onReport({ seen: false, refused: [] });
    }, SILENT_MS);
  }, { once: true });
  return frame;
}

/** Addresses without which a piece of HTML is empty: of scripts, frames and plug-ins, also inside frames that it brings. */
export function fetched(source: string, depth = 0): string[] {
  if (depth > 2) return [];
  // a parsed document loads and runs nothing
  const parsed = new DOMParser().parseFromString(source, "text/html");
  const found: string[] = [];
  for (const element of parsed.querySelectorAll("script[src], iframe[src], embed[src], object[data], frame[src]")) {
    const address = element.getAttribute("src") ?? element.getAttribute("data") ?? "";
    if (address !== "" && !/^\s*(data:|blob:|about:|javascript:|#)/i.test(address)) found.push(address);
  }
  for (const inner of parsed.querySelectorAll("iframe[srcdoc]")) found.push(...fetched(inner.getAttribute("srcdoc") ?? "", depth + 1));
  return found;
}

function outer(source: string, label: string, dark: boolean): string {
  const colours = dark
    ? "color-scheme:dark;color:#e4e4e6;--line:#6a6b6e;--zebra:#ffffff0d;--hover:#6fa3ff2e"
    : "color-scheme:light;color:#1c1d1f;--line:#bdbdbd;--zebra:#00000009;--hover:#2196f326";
  const inner = `<!doctype html><html lang="en"><meta charset="utf-8">${META}<title>${escaped(label)}</title><script>${REPORT}</script><style>:root{${colours}}${LOOK}</style>${source}`;
  return `<!doctype html><html lang="en"><meta charset="utf-8">${META}<title>${escaped(label)}</title><style>html,body{margin:0;height:100%;overflow:hidden;color-scheme:${dark ? "dark" : "light"}}iframe{display:block;border:0;width:100%;height:100%}</style><iframe sandbox="allow-scripts" title="${escaped(label)}" srcdoc="${escaped(inner)}"></iframe>`;
}

function escaped(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/"/g, "&quot;").replace(/</g, "&lt;");
}

/** What a frame told, or null for what is no such thing: it comes from a stranger. */
function report(data: unknown): (FrameReport & { readonly height: number }) | null {
  const said: unknown = typeof data === "object" && data !== null && "wfj" in data ? data.wfj : null;
  if (typeof said !== "object" || said === null || !("height" in said) || !("seen" in said) || !("refused" in said)) return null;
  const { height, seen, refused } = said;
  if (typeof height !== "number" || !Number.isFinite(height) || !Array.isArray(refused)) return null;
  return { height, seen: seen === true, refused: refused.filter((address): address is string => typeof address === "string").slice(0, 5) };
}
