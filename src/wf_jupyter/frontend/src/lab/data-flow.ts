// The data flow of a notebook: a row per cell, what a run would do with it, and an arc from each cell that it reads from.
import { html, svg } from "../draw/element.ts";

/** A cell as `wf_jupyter.notebooks.page` tells it. */
export interface FlowCell {
  readonly number: number;
  readonly position: number;
  readonly label: string;
  readonly group: string;
  readonly decision: string;
  readonly sentence: string;
  readonly from: readonly { readonly number: number; readonly names: readonly string[] }[];
}

const ROW = 46;
const GUTTER = 120;
const STYLE = `
.wfj-flow { position: relative; font: 13px/1.4 var(--jp-ui-font-family, system-ui, sans-serif); color: var(--jp-ui-font-color1, #222); padding: 8px 0; }
.wfj-flow svg { position: absolute; left: 0; top: 8px; pointer-events: none; overflow: visible; }
.wfj-flow path { fill: none; stroke: var(--jp-border-color1, #999); stroke-width: 1.5; }
.wfj-flow path.wfj-flow-on { stroke: var(--jp-brand-color1, #1f5cc4); stroke-width: 2.5; }
.wfj-flow ol { list-style: none; margin: 0; padding: 0 0 0 ${GUTTER}px; }
.wfj-flow li { height: ${ROW}px; box-sizing: border-box; padding: 2px 0; }
.wfj-flow button { display: block; width: 100%; height: 100%; border: 1px solid var(--jp-border-color2, #ccc); border-radius: 6px; padding: 2px 10px;
  background: var(--jp-layout-color1, #fff); color: inherit; font: inherit; text-align: left; cursor: pointer; overflow: hidden; white-space: nowrap; text-overflow: ellipsis; }
.wfj-flow button:hover, .wfj-flow button:focus-visible { border-color: var(--jp-brand-color1, #1f5cc4); }
.wfj-flow code { color: var(--jp-ui-font-color2, #555); margin-right: 6px; }
.wfj-flow small { display: block; color: var(--jp-ui-font-color2, #555); overflow: hidden; text-overflow: ellipsis; }
.wfj-flow h3 { margin: 0; }
`;

/** Draw it into `host`; a press on a cell calls `press`. */
export function drawFlow(host: HTMLElement, cells: readonly FlowCell[], press: (cell: FlowCell) => void): void {
  const root = html("div", "wfj-flow", {}, html("style", "", {}, STYLE));
  const reused = cells.filter(({ decision }) => decision === "reused").length;
  const title = html("h3", "", {}, `${cells.length} cells, ${reused} would be reused`);
  const picture = svg("svg", "", { width: GUTTER, height: cells.length * ROW, "aria-hidden": "true" });
  const list = html("ol", "", { "aria-label": "Cells of the notebook" });
  const row = new Map(cells.map(({ number }, index) => [number, index]));
  const arcs: { readonly from: number; readonly to: number; readonly path: Element }[] = [];
  for (const [to, cell] of cells.entries()) {
    for (const link of cell.from) {
      const from = row.get(link.number);
      if (from === undefined) continue;
      const path = svg("path", "", { d: arc(from, to) });
      picture.append(path);
      arcs.push({ from, to, path });
    }
    list.append(entry(cell, press, (isOn) => {
      for (const each of arcs) each.path.classList.toggle("wfj-flow-on", isOn && (each.from === to || each.to === to));
    }));
  }
  root.append(html("div", "", {}, list, picture));
  host.replaceChildren(title, root);
}

function entry(cell: FlowCell, press: (cell: FlowCell) => void, light: (isOn: boolean) => void): HTMLElement {
  const reads = cell.from.map(({ number, names }) => `${names.join(", ")} from In [${number}]`).join("; ");
  const words = reads === "" ? cell.sentence : `${cell.sentence} · reads ${reads}`;
  const made = html("button", "", { type: "button", title: words }, html("code", "", {}, `In [${cell.number}]`), cell.label, html("small", "", {}, words));
  made.addEventListener("click", () => press(cell));
  for (const [event, isOn] of [["mouseenter", true], ["mouseleave", false], ["focus", true], ["blur", false]] as const) {
    made.addEventListener(event, () => light(isOn));
  }
  return html("li", "", {}, made);
}

/** From the middle of one row to that of another; the further apart, the further to the left. */
function arc(from: number, to: number): string {
  const [begin, end] = [from * ROW + ROW / 2 + 5, to * ROW + ROW / 2 - 5];
  const reach = Math.min(GUTTER - 12, 18 + 14 * (to - from));
  return `M ${GUTTER} ${begin} C ${GUTTER - reach} ${begin}, ${GUTTER - reach} ${end}, ${GUTTER - 2} ${end} l -6 -4 m 6 4 l -6 4`;
}
