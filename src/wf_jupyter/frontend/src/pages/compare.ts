// A policy without 'unsafe-inline' refuses style attributes and elements; what a script sets is allowed.
for (const element of document.querySelectorAll<HTMLElement>("[data-style]")) element.style.cssText = element.dataset["style"] ?? "";
for (const element of document.querySelectorAll("[data-css]")) {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(element.textContent ?? "");
  document.adoptedStyleSheets.push(sheet);
}
export {};
