// Elements without markup: every text that comes from elsewhere enters as text.

const SVG = "http://www.w3.org/2000/svg";

type Child = Node | string | null;
type Attributes = Readonly<Record<string, string | number | boolean | null>>;

/** A new HTML element with a class, attributes (null and false are left out) and children. */
export function html<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className = "",
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  if (className) element.className = className;
  return filled(element, attributes, children);
}

/** A new SVG element. */
export function svg<K extends keyof SVGElementTagNameMap>(
  tag: K,
  className = "",
  attributes: Attributes = {},
  ...children: Child[]
): SVGElementTagNameMap[K] {
  const element = document.createElementNS(SVG, tag);
  if (className) element.setAttribute("class", className);
  return filled(element, attributes, children);
}

/** A button that says in words what it does; who speaks to the page calls it by what is written on it. */
export function button(text: string, className: string, press: () => void, label = ""): HTMLButtonElement {
  const called = /[a-z]/i.test(text) && !label.toLowerCase().includes(text.toLowerCase());
  const name = label !== "" && called ? `${text}: ${label}` : label;
  const element = html("button", className, { type: "button", "aria-label": name || null }, text);
  element.addEventListener("click", (event) => {
    event.stopPropagation();
    press();
  });
  return element;
}

/** Set the text of an element, touching the page only when it changed. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** Set an attribute, touching the page only when it changed; null removes it. */
export function setAttribute(element: Element, name: string, value: string | null): void {
  if (value === null) element.removeAttribute(name);
  else if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

function filled<E extends Element>(element: E, attributes: Attributes, children: readonly Child[]): E {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== false) element.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children) if (child !== null) element.append(child);
  return element;
}
