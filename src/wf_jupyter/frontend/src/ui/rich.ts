// What tasks return and display, as richly as it can be shown here; what cannot be is named, with a way to see it.
import { button, html } from "../draw/element.ts";
import { stretchElement, stretches } from "./ansi.ts";
import { copyText } from "./clipboard.ts";
import { fetched, sandbox, type FrameReport } from "./frame.ts";

const IMAGES = ["image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp", "image/avif"];
const BASE64 = /^[A-Za-z0-9+/=\s]*$/;
const LONGEST_JSON = 100_000;

/** What a MIME type, or HTML that holds a word, is called. */
const TYPES: readonly (readonly [RegExp, string])[] = [
  [/plotly/, "a Plotly figure"],
  [/vegalite|vega-?lite/, "a Vega-Lite chart"],
  [/vega/, "a Vega chart"],
  [/bokeh/, "a Bokeh plot"],
  [/leaflet|folium/, "a map"],
  [/geo\+json/, "GeoJSON"],
  [/widget-view/, "a widget"],
  [/javascript/, "JavaScript"],
  [/application\/pdf/, "a PDF"],
  [/^video\//, "a video"],
  [/^audio\//, "a sound"],
  [/three|pythreejs|vtk/, "a 3D scene"],
];

/** How something is shown: what it is called, whether the page is dark, and the Python that shows it in a cell. */
export interface Frame {
  readonly label: string;
  readonly dark: boolean;
  readonly code: string;
}

/** The richest form of a MIME bundle that can be shown, or a line that says what it is. */
export function outputElement(data: Readonly<Record<string, unknown>>, frame: Frame): HTMLElement {
  const text = (type: string): string | null => (typeof data[type] === "string" ? data[type] : null);
  for (const type of IMAGES) {
    const value = text(type);
    if (value !== null && BASE64.test(value)) return image(`data:${type};base64,${value.replace(/\s/g, "")}`, frame.label);
  }
  const vector = text("image/svg+xml");
  if (vector !== null) return image(`data:image/svg+xml,${encodeURIComponent(vector)}`, frame.label);
  const others = Object.keys(data).filter((type) => type !== "text/plain" && type !== "text/html");
  const named = others.map(typeName).find((name) => name !== null) ?? null;
  const markup = text("text/html");
  if (markup !== null && markup.trim() !== "") return htmlElement(markup, frame, named);
  if (named !== null) return elsewhere(`This is ${named}, which the view does not draw: show it in a cell with`, frame.code);
  for (const [type, name] of [["text/markdown", "Markdown"], ["text/latex", "LaTeX"]] as const) {
    const source = text(type);
    if (source !== null) return html("div", "", {}, html("p", "wfj-note", {}, `${name}, as it was written`), plainText(source));
  }
  const json = others.find((type) => /^application\/(.*\+)?json$/.test(type));
  if (json !== undefined) return html("div", "", {}, html("p", "wfj-note", {}, json), plainText(indented(data[json])));
  const plain = text("text/plain");
  if (others.length === 0 && plain !== null) return plainText(plain);
  const line = elsewhere(`This is ${others.join(", ") || "nothing with a MIME type"}, which the view does not draw: show it in a cell with`, frame.code);
  return plain === null ? line : html("div", "", {}, line, plainText(plain));
}

/** Text as it is, with terminal colours. */
export function plainText(text: string): HTMLElement {
  return html("pre", "wfj-pre", { tabindex: 0 }, ...stretches(text).parts.map(stretchElement));
}

/** HTML in a frame of its own, or, when all that it would show has to be fetched, a line that says so. */
export function htmlElement(source: string, frame: Frame, named: string | null = null): HTMLElement {
  const what = named ?? typeName(source.slice(0, 200_000).toLowerCase()) ?? "HTML";
  const hosts = fetched(source);
  const needs = (from: readonly string[]): string => {
    const places = [...new Set(from.map(host).filter(Boolean))].slice(0, 3).join(", ");
    return `This is ${what} that needs the network${places && ` (${places})`}: show it in a cell with`;
  };
  if (hosts.length > 0) return elsewhere(needs(hosts), frame.code);
  const box = html("div", "wfj-rich");
  const inside = sandbox(source, frame.label, frame.dark, ({ seen, refused }: FrameReport) => {
    inside.hidden = !seen;
    box.querySelector(".wfj-elsewhere")?.remove();
    const asked = refused.filter((address) => /^(https?|wss?):/i.test(address));
    if (asked.length > 0) box.append(elsewhere(needs(asked), frame.code));
    else if (!seen) box.append(elsewhere(`This is ${what} that shows nothing here: show it in a cell with`, frame.code));
  });
  box.append(inside);
  return box;
}

function typeName(text: string): string | null {
  return TYPES.find(([pattern]) => pattern.test(text))?.[1] ?? null;
}

function host(address: string): string {
  try {
    return new URL(address.startsWith("//") ? `https:${address}` : address).host;
  } catch {
    return "";
  }
}

function indented(value: unknown): string {
  try {
    const parsed: unknown = typeof value === "string" ? JSON.parse(value) : value;
    return JSON.stringify(parsed, null, 1).slice(0, LONGEST_JSON);
  } catch {
    return String(value).slice(0, LONGEST_JSON);
  }
}

/** A line that says what is not drawn here, and the Python that draws it. */
function elsewhere(words: string, code: string): HTMLElement {
  const copy = button("Copy", "wfj-action", () => {
    copyText(code).then(
      () => (copy.textContent = "Copied"),
      (error: unknown) => (copy.textContent = error instanceof Error ? error.message : "not copied"),
    );
  }, "Copy the line of code");
  return html("p", "wfj-again wfj-elsewhere", {}, html("span", "wfj-dim", {}, words), " ", html("code", "", {}, code), " ", copy);
}

function image(url: string, label: string): HTMLElement {
  const element = html("img", "wfj-image", { alt: label });
  element.src = url;
  return element;
}
