// Making elements. Everything that comes from a workflow is untrusted: it becomes text, never markup.

export function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}
