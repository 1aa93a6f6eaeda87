// The picture that a notebook stored, with a line that says why it is still.
import { registryOf, type MimeModel, type Panel, type Renderer } from "./lumino.ts";

const SVG_TYPE = "image/svg+xml";
const HTML_TYPE = "text/html";

export class Still {
  #picture: HTMLImageElement | null = null;
  #renderer: Renderer | null = null;
  #line: HTMLElement | null = null;

  constructor(private readonly panel: Panel) {}

  get isShown(): boolean {
    return this.#picture !== null || this.#renderer !== null;
  }

  /** Draw the picture of `model`, in place of the last. */
  draw(model: MimeModel): void {
    const svg = joined(model.data[SVG_TYPE]);
    this.#renderer?.dispose();
    this.#renderer = null;
    if (svg === "") this.#hand(model);
    else this.#draw(svg);
  }

  /** Say why it is still. */
  say(words: string): void {
    this.#line ??= this.panel.node.appendChild(document.createElement("p"));
    this.#line.setAttribute("role", "status");
    this.#line.style.cssText = "margin: 4px 8px; color: var(--jp-ui-font-color2); font-size: var(--jp-ui-font-size1)";
    this.#line.textContent = words;
  }

  remove(): void {
    this.#picture?.remove();
    this.#line?.remove();
    this.#renderer?.dispose();
    this.#picture = this.#line = this.#renderer = null;
  }

  /** As an image, in which nothing runs and nothing is loaded. */
  #draw(svg: string): void {
    this.#picture ??= this.panel.node.insertBefore(document.createElement("img"), this.panel.node.firstChild);
    this.#picture.alt = "The stored picture of an execution";
    // a picture's dark colours follow the scheme of the element around it
    const scheme = document.body.dataset["jpThemeLight"] === "false" ? "dark" : "light";
    this.#picture.style.cssText = `max-width: 100%; color-scheme: ${scheme}`;
    this.#picture.src = `data:${SVG_TYPE};charset=utf-8,${encodeURIComponent(svg)}`;
  }

  /** Without a picture the notebook shows its HTML, sanitized as ever; it knows how as soon as this stands in it. */
  #hand(model: MimeModel): void {
    requestAnimationFrame(() => {
      const registry = registryOf(this.panel);
      if (this.panel.isDisposed || registry === null || !(HTML_TYPE in model.data)) return;
      this.#renderer = registry.createRenderer(HTML_TYPE);
      this.panel.addWidget(this.#renderer);
      void this.#renderer.renderModel(model);
    });
  }
}

/** Notebooks store text whole, or as a list of lines. */
function joined(text: unknown): string {
  return Array.isArray(text) ? text.join("") : typeof text === "string" ? text : "";
}
