// The small pictures on buttons, drawn with the colour of the text.
import { svg } from "../draw/element.ts";

const PATHS = {
  open: "M6.5 3H3v10h10V9.5M9 3h4v4M13 3L7.5 8.5",
  cancel: "M4 4l8 8M12 4l-8 8",
  retry: "M12.8 6.2A5 5 0 1 0 13 9M13.2 2.8v3.6H9.6",
  again: "M5 3.5v9l7-4.5z",
  search: "M7 2.5a4.5 4.5 0 1 1 0 9a4.5 4.5 0 0 1 0-9zM10.4 10.4L13.5 13.5",
  compare: "M5.5 3L2.5 6l3 3M2.5 6h8M10.5 7l3 3l-3 3M13.5 10h-8",
  page: "M3 2.5h10v11H3zM5.5 6h5M5.5 8.5h5M5.5 11h3",
} as const;

export type Sign = keyof typeof PATHS;

/** A new picture; the button says in words what it does. */
export function sign(name: Sign): SVGSVGElement {
  return svg("svg", "wfj-sign", { viewBox: "0 0 16 16", "aria-hidden": "true", focusable: "false" }, svg("path", "", { d: PATHS[name] }));
}

/** Of the extension itself: a small graph. JupyterLab colours what has its class. */
export const LOGO = `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24"><g class="jp-icon3" fill="none" stroke="#616161" stroke-width="1.9"><rect x="2.5" y="4" width="6.5" height="5" rx="1"/><rect x="2.5" y="15" width="6.5" height="5" rx="1"/><rect x="15" y="9.5" width="6.5" height="5" rx="1"/><path d="M9 6.5h3v11H9M12 12h3"/></g></svg>`;
