// The view's styles as a constructed sheet: a site whose policy forbids inline styles refuses a <style> element.

/** One sheet, adopted by the page or the shadow root that a view is in. */
export class AdoptedSheet {
  readonly #sheet = new CSSStyleSheet();
  #home: Document | ShadowRoot | null = null;

  constructor(css: string) {
    this.#sheet.replaceSync(css);
  }

  /** Let the styles hold where `element` is now; an element that is nowhere yet gets those of the page. */
  follow(element: Element): void {
    const root = element.getRootNode();
    const home = root instanceof ShadowRoot ? root : document;
    if (home === this.#home) return;
    this.remove();
    home.adoptedStyleSheets = [...home.adoptedStyleSheets, this.#sheet];
    this.#home = home;
  }

  remove(): void {
    if (this.#home === null) return;
    this.#home.adoptedStyleSheets = this.#home.adoptedStyleSheets.filter((sheet) => sheet !== this.#sheet);
    this.#home = null;
  }
}
