// The look of everything around the drawing.
import { DRAWING, KEYFRAMES, TOKENS } from "../draw/style.ts";
import { TIMELINE } from "./timeline-style.ts";

const ROOT = `
.wfj-root {
  box-sizing: border-box; position: relative; margin: 2px 0; border: 1px solid var(--wfj-line); border-radius: 10px; overflow: hidden;
  background: var(--wfj-bg); color: var(--wfj-ink); text-align: left; line-height: 1.4; font-variant-numeric: tabular-nums;
  font-family: var(--jp-ui-font-family, system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif); font-size: 13px;
  --wfj-ansi-0: #3e424d; --wfj-ansi-1: #c8323a; --wfj-ansi-2: #00794a; --wfj-ansi-3: #8a6100; --wfj-ansi-4: #1d69c4; --wfj-ansi-5: #a13fb0;
  --wfj-ansi-6: #0b7582; --wfj-ansi-7: #6f7480;
}
.wfj-root.wfj-dark {
  --wfj-ansi-0: #8a8f99; --wfj-ansi-1: #ff8388; --wfj-ansi-2: #67cf97; --wfj-ansi-3: #f0c265; --wfj-ansi-4: #7fb2ff; --wfj-ansi-5: #e29af0;
  --wfj-ansi-6: #62d0de; --wfj-ansi-7: #c9ccd2;
}
`;

const FRAME = `
[hidden] { display: none !important; }
button, input, select { font-family: inherit; }
.wfj-unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.wfj-dim { color: var(--wfj-dim); font-weight: 400; }
.wfj-head { padding: 11px 14px 10px; border-bottom: 1px solid var(--wfj-line); }
.wfj-head-row { display: flex; align-items: center; gap: 8px 10px; flex-wrap: wrap; }
.wfj-what { display: flex; align-items: center; gap: 4px 9px; flex: 1 1 0; min-width: min(100%, 250px); flex-wrap: wrap; }
.wfj-title { font-size: 14.5px; font-weight: 700; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; max-width: 260px; unicode-bidi: isolate; }
.wfj-pill { display: inline-flex; align-items: center; gap: 5px; padding: 2px 9px 2px 6px; border-radius: 11px; font-size: 12px; background: var(--wfj-hover); color: var(--wfj-dim); white-space: nowrap; }
.wfj-pill .wfj-icon { width: 12px; height: 12px; }
.wfj-pill[data-status="running"] { color: var(--wfj-running-ink); background: color-mix(in srgb, var(--wfj-running) 13%, var(--wfj-bg)); }
.wfj-pill[data-status="succeeded"] { color: color-mix(in srgb, var(--wfj-succeeded) 82%, var(--wfj-ink)); background: color-mix(in srgb, var(--wfj-succeeded) 13%, var(--wfj-bg)); }
.wfj-pill[data-status="failed"] { color: var(--wfj-failed-ink); background: color-mix(in srgb, var(--wfj-failed) 12%, var(--wfj-bg)); }
.wfj-pill[data-status="interrupted"], .wfj-pill[data-status="paused"], .wfj-pill[data-status="cancelling"] { color: var(--wfj-retrying-ink); background: color-mix(in srgb, var(--wfj-retrying) 13%, var(--wfj-bg)); }
.wfj-reason { font-size: 12.5px; color: var(--wfj-ink); overflow-wrap: anywhere; }
.wfj-elapsed { font-size: 12.5px; color: var(--wfj-dim); white-space: nowrap; }
.wfj-elapsed b { color: var(--wfj-ink); font-weight: 600; }
.wfj-badge { border: 0; padding: 2px 8px; border-radius: 10px; font-size: 11px; background: var(--wfj-hover); color: var(--wfj-dim); }
.wfj-badge:is([data-kind="waiting"], [data-kind="gone"], [data-kind="refused"]) { background: color-mix(in srgb, var(--wfj-retrying) 15%, var(--wfj-bg)); color: var(--wfj-retrying-ink); }
.wfj-badge:not(:disabled) { cursor: pointer; }
.wfj-id { border: 0; padding: 2px 4px; background: none; color: var(--wfj-dim); font: 11px var(--wfj-mono); cursor: pointer; border-radius: 4px; min-height: 24px; } .wfj-id:hover { color: var(--wfj-ink); } &.wfj-narrow .wfj-id { display: none; }
.wfj-commands { display: flex; gap: 6px; }
.wfj-command, .wfj-action, .wfj-toggle-button {
  height: 24px; padding: 0 10px; border: 1px solid var(--wfj-line-strong); border-radius: 6px; background: var(--wfj-bg); color: var(--wfj-ink); font-size: 12px; cursor: pointer; white-space: nowrap; flex: none; box-sizing: border-box;
}
.wfj-command:hover:enabled, .wfj-action:hover, .wfj-toggle-button:hover { background: var(--wfj-hover); }
.wfj-command:disabled { color: var(--wfj-dim); cursor: default; }
.wfj-toggle-button[aria-pressed="true"] { border-color: var(--wfj-accent); box-shadow: inset 0 -2px 0 var(--wfj-accent); }
.wfj-tabs { display: flex; border: 1px solid var(--wfj-line-strong); border-radius: 7px; overflow: hidden; background: var(--wfj-area); }
.wfj-tab { border: 0; border-right: 1px solid var(--wfj-line); background: transparent; color: var(--wfj-dim); padding: 0 11px; height: 24px; font-size: 12px; cursor: pointer; }
.wfj-tab:last-child { border-right: 0; } .wfj-tab:hover { color: var(--wfj-ink); } .wfj-tab:focus-visible { outline-offset: -2px; }
.wfj-tab[aria-selected="true"] { background: var(--wfj-bg); color: var(--wfj-ink); font-weight: 600; box-shadow: inset 0 -2px 0 var(--wfj-accent); }
.wfj-head > .wfj-stack { margin-top: 10px; }
.wfj-counts { display: flex; flex-wrap: wrap; gap: 0 13px; margin: 6px 0 -3px; font-size: 12px; min-height: 19px; }
.wfj-counts .wfj-count { border: 0; background: none; padding: 0; min-height: 24px; color: var(--wfj-dim); font-size: inherit; gap: 5px; cursor: pointer; }
.wfj-counts .wfj-count b { color: var(--wfj-ink); font-weight: 600; } .wfj-counts .wfj-count:hover span { text-decoration: underline; }
.wfj-counts .wfj-icon { width: 13px; height: 13px; }
&.wfj-stale .wfj-body { opacity: .72; }
.wfj-foot { border-top: 1px solid var(--wfj-line); }
&.wfj-narrow .wfj-failure { flex-wrap: wrap; }
.wfj-failure, .wfj-notice { display: flex; align-items: center; gap: 9px; padding: 8px 14px; background: color-mix(in srgb, var(--wfj-failed) 6%, var(--wfj-bg)); min-width: 0; }
.wfj-notice { background: color-mix(in srgb, var(--wfj-retrying) 10%, var(--wfj-bg)); } .wfj-notice > span { flex: 1; }
.wfj-failure > b, .wfj-item > b { flex: 0 1 auto; max-width: 40%; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; font-size: 12.5px; }
.wfj-code { flex: 1 1 120px; min-width: 0; font-family: var(--wfj-mono); font-size: 12px; color: var(--wfj-failed-ink); white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.wfj-close { border: 0; background: none; color: var(--wfj-dim); font-size: 17px; line-height: 1; width: 24px; height: 24px; padding: 0; border-radius: 5px; cursor: pointer; flex: none; }
.wfj-close:hover { background: var(--wfj-hover); color: var(--wfj-ink); }
`;

const DETAIL = `
.wfj-panel, .wfj-drawer { border-top: 1px solid var(--wfj-line); padding: 9px 14px 12px; }
.wfj-panel-head { display: flex; align-items: center; gap: 10px; min-height: 26px; }
.wfj-panel-title { display: flex; align-items: center; gap: 8px; min-width: 0; flex: 1; font-size: 13px; }
.wfj-panel-title b { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; unicode-bidi: isolate; font-weight: 600; }
.wfj-status-word { color: var(--wfj-dim); font-size: 12px; }
.wfj-facts { display: flex; flex-wrap: wrap; gap: 2px 16px; margin-top: 3px; font-size: 12px; }
.wfj-section { margin-top: 10px; } .wfj-caption { margin: 0 0 4px; font-size: 11.5px; font-weight: 600; color: var(--wfj-dim); }
.wfj-headline { margin: 0 0 5px; font-family: var(--wfj-mono); font-size: 12px; color: var(--wfj-failed-ink); overflow-wrap: anywhere; }
.wfj-again { margin: 0; font-size: 12px; overflow-wrap: anywhere; user-select: text; } .wfj-again > code { font-family: var(--wfj-mono); }
.wfj-reason > .wfj-headline { color: inherit; font-family: inherit; }
.wfj-pre, .wfj-log { margin: 0; padding: 7px 9px; max-height: 260px; overflow: auto; border: 1px solid var(--wfj-line); border-radius: 6px; background: var(--wfj-area); color: var(--wfj-ink); font: 12px/1.45 var(--wfj-mono); white-space: pre-wrap; overflow-wrap: anywhere; tab-size: 4; user-select: text; }
.wfj-log { overflow-anchor: none; } .wfj-log-part:not(:last-child) { content-visibility: auto; }
.wfj-found { display: block; width: 100%; border: 0; padding: 0; background: none; color: inherit; font: inherit; text-align: left; white-space: pre-wrap; overflow-wrap: anywhere; cursor: pointer; } .wfj-found:hover { background: var(--wfj-hover); }
 .wfj-elsewhere { margin: 4px 0; padding: 6px 8px; border: 1px dashed var(--wfj-line-strong); border-radius: 6px; }
.wfj-note { margin: 3px 0; font-size: 11.5px; color: var(--wfj-dim); }
.wfj-frame { width: 100%; box-sizing: border-box; border: 1px solid var(--wfj-line); border-radius: 6px; background: transparent; display: block; }
.wfj-image { max-width: 100%; height: auto; display: block; margin: 4px 0; background: #fff; border-radius: 4px; }
.wfj-a-bold { font-weight: 700; } .wfj-a-faint { opacity: .7; } .wfj-a-italic { font-style: italic; } .wfj-a-underline { text-decoration: underline; } .wfj-a-strike { text-decoration: line-through; }
.wfj-log-bar { display: flex; align-items: center; gap: 8px; flex-wrap: wrap; margin-bottom: 5px; font-size: 12px; } .wfj-log-bar .wfj-search { flex: 0 1 200px; }
.wfj-log mark { background: color-mix(in srgb, var(--wfj-retrying) 45%, var(--wfj-bg)); color: inherit; border-radius: 2px; }
.wfj-fold { margin-top: 6px; font-size: 12px; } .wfj-fold > summary { color: var(--wfj-dim); cursor: pointer; width: max-content; max-width: 100%; } .wfj-fold .wfj-pre { margin-top: 5px; }
.wfj-inputs { display: grid; grid-template-columns: auto 1fr; gap: 2px 12px; margin: 6px 0 0; font-family: var(--wfj-mono); } .wfj-inputs dt { color: var(--wfj-dim); } .wfj-inputs dd { margin: 0; overflow-wrap: anywhere; }
a.wfj-anchor, .wfj-link.wfj-anchor { color: var(--wfj-running-ink); text-decoration: underline; font: inherit; } .wfj-task-actions { align-items: center; font-size: 12px; flex-wrap: wrap; justify-content: flex-end; }
.wfj-grid-box { margin-top: 7px; max-height: 240px; overflow: auto; padding: 2px; } .wfj-drawer .wfj-graph { border: 1px solid var(--wfj-line); border-radius: 7px; }
.wfj-grid { display: block; cursor: pointer; margin: 1px; }
.wfj-item { display: flex; align-items: center; gap: 9px; margin-top: 9px; min-width: 0; font-size: 12px; } .wfj-item > .wfj-dim { white-space: nowrap; }
.wfj-item .wfj-action { margin-left: auto; }
`;

const LISTS = `
.wfj-rows-space { position: relative; }
.wfj-table-bar { display: flex; flex-wrap: wrap; align-items: center; gap: 6px 8px; white-space: nowrap; padding: 8px 14px; font-size: 12px; background: var(--wfj-area); border-bottom: 1px solid var(--wfj-line); }
.wfj-search, .wfj-select { height: 24px; box-sizing: border-box; padding: 0 7px; border: 1px solid var(--wfj-line-strong); border-radius: 6px; background: var(--wfj-bg); color: var(--wfj-ink); font-size: 12px; }
.wfj-table-bar > .wfj-toggle-button:last-child { margin-left: auto; } .wfj-table-bar > .wfj-search { flex: 1 1 80px; max-width: 180px; }
.wfj-search { flex: 0 1 150px; min-width: 80px; }
.wfj-rows { overflow: auto; position: relative; scrollbar-gutter: stable; }
.wfj-row { display: grid; grid-template-columns: 104px minmax(90px, 1.5fr) 46px 76px 76px 112px minmax(70px, 1.2fr); gap: 8px; align-items: center; padding: 0 14px; font-size: 12px; box-sizing: border-box; }
&.wfj-medium .wfj-row { grid-template-columns: 104px minmax(90px, 1.5fr) 46px 66px 70px minmax(70px, 1.2fr); } &.wfj-medium .wfj-cell:nth-child(6) { display: none; }
.wfj-cell:nth-child(7) { padding-left: 10px; }
.wfj-rows .wfj-row { position: absolute; left: 0; right: 0; border-bottom: 1px solid var(--wfj-line); user-select: text; cursor: pointer; }
.wfj-rows .wfj-row:hover { background: var(--wfj-hover); }
.wfj-row-head { height: 27px; border-bottom: 1px solid var(--wfj-line-strong); overflow-y: hidden; scrollbar-gutter: stable; }
.wfj-cell { display: flex; align-items: center; gap: 6px; min-width: 0; overflow: hidden; white-space: nowrap; text-overflow: ellipsis; }
.wfj-cell .wfj-icon { width: 13px; height: 13px; } .wfj-rows .wfj-cell:nth-child(n+3) { display: block; color: var(--wfj-dim); }
.wfj-cell:nth-child(3), .wfj-cell:nth-child(4), .wfj-cell:nth-child(5), .wfj-cell:nth-child(6) { text-align: right; justify-content: flex-end; }
.wfj-row[data-status="failed"] .wfj-cell:last-child { color: var(--wfj-failed-ink); }
.wfj-sort { border: 0; background: none; padding: 0; color: var(--wfj-dim); font-size: 11.5px; font-weight: 600; cursor: pointer; }
.wfj-cell[aria-sort="ascending"] .wfj-sort::after { content: " ▲"; font-size: 8px; } .wfj-cell[aria-sort="descending"] .wfj-sort::after { content: " ▼"; font-size: 8px; }
.wfj-link { border: 0; background: none; padding: 0; color: inherit; font-size: inherit; cursor: pointer; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; user-select: text; text-align: left; }
@media (prefers-reduced-motion: reduce) { *, *::before { animation: none !important; transition: none !important; } }
@media (forced-colors: active) { .wfj-stack > i, .wfj-tile, .wfj-strip, .wfj-span { forced-color-adjust: none; } }
`;

/** Nested in the root, our rules outweigh those that notebooks have for buttons and `pre` in outputs. */
export const STYLE = `${TOKENS}${ROOT}${KEYFRAMES}.wfj-root {${DRAWING}${FRAME}${DETAIL}${TIMELINE}${LISTS}}`;
