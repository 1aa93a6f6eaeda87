// Colours for canvas: what CSS gives the DOM, read back when the theme changes.
import { STATUSES } from "../fold/statuses.ts";
import { EDGE_STATES } from "./facts.ts";

/** Colours by status number, and the few others that canvases need. `soft` is a calm success. */
export interface Palette {
  readonly status: readonly string[];
  readonly soft: string;
  readonly track: string;
  readonly area: string;
  readonly line: string;
  /** By the index of `EDGE_STATES`. */
  readonly edges: readonly string[];
  readonly ink: string;
  readonly accent: string;
}

/** Read the colours that hold inside `root`. */
export function readPalette(root: Element): Palette {
  const style = getComputedStyle(root);
  const read = (name: string): string => style.getPropertyValue(`--wfj-${name}`).trim() || "#888";
  return {
    status: STATUSES.map(read),
    soft: read("soft"),
    track: read("track"),
    area: read("area-flat"),
    line: read("edge"),
    edges: EDGE_STATES.map((state) => read(`e-${state}`)),
    ink: read("ink-flat"),
    accent: read("running"),
  };
}

/** Whether the page around is dark: what Jupyter, VS Code and Colab say, else the reader's preference. */
export function isDark(): boolean {
  const { body, documentElement: page } = document;
  const light = body.dataset["jpThemeLight"];
  if (light !== undefined) return light === "false";
  if (body.classList.contains("vscode-dark") || body.classList.contains("vscode-high-contrast")) return true;
  if (body.classList.contains("vscode-light")) return false;
  const theme = page.getAttribute("theme") ?? page.dataset["theme"];
  if (theme === "dark" || theme === "light") return theme === "dark";
  return matchMedia("(prefers-color-scheme: dark)").matches;
}

/** Call `changed` whenever the page's theme may have changed; returns how to stop. */
export function watchTheme(changed: () => void): () => void {
  const observer = new MutationObserver(changed);
  const attributeFilter = ["class", "style", "theme", "data-theme", "data-jp-theme-light", "data-jp-theme-name"];
  observer.observe(document.body, { attributes: true, attributeFilter });
  observer.observe(document.documentElement, { attributes: true, attributeFilter });
  const media = matchMedia("(prefers-color-scheme: dark)");
  media.addEventListener("change", changed);
  return () => {
    observer.disconnect();
    media.removeEventListener("change", changed);
  };
}
