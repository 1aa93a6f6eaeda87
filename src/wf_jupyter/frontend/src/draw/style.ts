// Colours and the look of cards, edges and small parts. Everything derives from the notebook's own
// variables, with fall-backs where there is no JupyterLab around; one prefix, no ids, no bare elements.

export const TOKENS = `
.wfj-root {
  --wfj-bg: var(--jp-layout-color0, #fff);
  --wfj-ink: var(--jp-ui-font-color0, #1c1d1f);
  --wfj-ink-flat: #1c1d1f;
  --wfj-area-flat: #f7f7f8;
  --wfj-succeeded: #2b8a57; --wfj-cached: #15808f; --wfj-running: #2f6fde; --wfj-retrying: #b9740a;
  --wfj-failed: #cc3a43; --wfj-cancelled: #77707f; --wfj-skipped: #7d8188; --wfj-pending: #7e8a9a;
  --wfj-soft: #5aa57c;
  --wfj-track: #e3e4e8;
  --wfj-edge: #b9bcc2;
  --wfj-mark: #fff;
  --wfj-failed-ink: #ab2630; --wfj-running-ink: #1f5cc4; --wfj-retrying-ink: #8f5600; --wfj-cached-ink: #0f6a77;
  --wfj-area: color-mix(in srgb, var(--wfj-bg) 97%, var(--wfj-ink));
  --wfj-card: var(--wfj-bg);
  --wfj-dim: color-mix(in srgb, var(--wfj-ink) 68%, var(--wfj-bg));
  --wfj-line: color-mix(in srgb, var(--wfj-ink) 14%, var(--wfj-bg));
  --wfj-line-strong: color-mix(in srgb, var(--wfj-ink) 26%, var(--wfj-bg));
  --wfj-hover: color-mix(in srgb, var(--wfj-ink) 6%, var(--wfj-bg));
  --wfj-shadow: 0 1px 2px rgb(0 0 0 / 10%);
  --wfj-accent: var(--jp-brand-color1, #1976d2);
  --wfj-mono: var(--jp-code-font-family, ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace);
}
.wfj-root.wfj-dark {
  --wfj-bg: var(--jp-layout-color1, #212121);
  --wfj-ink: var(--jp-ui-font-color0, #ececee);
  --wfj-ink-flat: #ececee;
  --wfj-area-flat: #1c1c1d;
  --wfj-succeeded: #5bbd88; --wfj-cached: #53c2d0; --wfj-running: #6fa3ff; --wfj-retrying: #f0b04c;
  --wfj-failed: #ff7a7f; --wfj-cancelled: #9a93a3; --wfj-skipped: #8f939b; --wfj-pending: #8e97a5;
  --wfj-soft: #4f9d74;
  --wfj-track: #3a3b3e;
  --wfj-edge: #5f6267;
  --wfj-mark: #1a1a1b;
  --wfj-failed-ink: #ff9297; --wfj-running-ink: #8db6ff; --wfj-retrying-ink: #f5bf6b; --wfj-cached-ink: #6fd0dc;
  --wfj-area: color-mix(in srgb, var(--wfj-bg) 86%, #000);
  --wfj-card: color-mix(in srgb, var(--wfj-bg) 93%, #fff);
  --wfj-shadow: 0 1px 2px rgb(0 0 0 / 45%);
  --wfj-accent: var(--jp-brand-color1, #2196f3);
}
.wfj-root {
  --wfj-e-waiting: var(--wfj-edge);
  --wfj-e-delivered: color-mix(in srgb, var(--wfj-succeeded) 62%, var(--wfj-edge));
  --wfj-e-feeding: color-mix(in srgb, var(--wfj-running) 82%, var(--wfj-edge));
  --wfj-e-blocked: color-mix(in srgb, var(--wfj-failed) 80%, var(--wfj-edge));
}
@media (forced-colors: active) { .wfj-root.wfj-root { --wfj-edge: CanvasText; } }
.wfj-s-succeeded { --wfj-tone: var(--wfj-succeeded); } .wfj-s-cached { --wfj-tone: var(--wfj-cached); }
.wfj-s-running { --wfj-tone: var(--wfj-running); } .wfj-s-retrying { --wfj-tone: var(--wfj-retrying); }
.wfj-s-failed { --wfj-tone: var(--wfj-failed); } .wfj-s-cancelled { --wfj-tone: var(--wfj-cancelled); }
.wfj-s-skipped { --wfj-tone: var(--wfj-skipped); } .wfj-s-pending { --wfj-tone: var(--wfj-pending); }
`;

export const ICONS = `
.wfj-icon { width: 16px; height: 16px; flex: none; overflow: visible; color: var(--wfj-tone, var(--wfj-pending)); }
.wfj-i-fill { fill: currentColor; }
.wfj-i-mark { fill: none; stroke: var(--wfj-mark); stroke-width: 2.1; stroke-linecap: round; stroke-linejoin: round; }
.wfj-i-line { fill: none; stroke: currentColor; stroke-width: 2; stroke-linecap: round; stroke-linejoin: round; }
.wfj-i-soft { fill: none; stroke: currentColor; stroke-width: 2.2; opacity: .26; }
.wfj-i-tint { fill: color-mix(in srgb, currentColor 16%, transparent); stroke: currentColor; stroke-width: 2; }
.wfj-i-dash { stroke-dasharray: 2.4 2.6; }
.wfj-i-turn { transform-origin: 10px 10px; animation: wfj-turn 1.6s linear infinite; } .wfj-calm .wfj-i-turn { animation: none; }
`;

const CARDS = `
.wfj-graph { position: relative; overflow: hidden; background: var(--wfj-area); min-height: 96px; touch-action: pan-x pan-y; cursor: grab; }
.wfj-graph:active { cursor: grabbing; }
.wfj-world { position: absolute; left: 0; top: 0; width: 0; height: 0; transform-origin: 0 0; }
.wfj-far { position: absolute; left: 0; top: 0; transform-origin: 0 0; pointer-events: none; }
.wfj-card {
  position: absolute; left: 0; top: 0; box-sizing: border-box; width: 154px; padding: 0 10px; display: flex; align-items: center;
  gap: 9px; background: var(--wfj-card); border: 1px solid var(--wfj-line-strong); border-radius: 9px; color: var(--wfj-ink);
  box-shadow: var(--wfj-shadow); cursor: pointer; user-select: none; line-height: 1.35; contain: layout style;
}
.wfj-card:hover { border-color: color-mix(in srgb, var(--wfj-ink) 48%, var(--wfj-bg)); }
.wfj-texts { min-width: 0; flex: 1; display: flex; flex-direction: column; }
.wfj-name { font-size: 12.5px; font-weight: 600; white-space: nowrap; unicode-bidi: isolate; }
.wfj-sub { display: flex; gap: 6px; font-size: 12px; color: var(--wfj-dim); }
.wfj-detail { flex: 1; min-width: 0; white-space: nowrap; unicode-bidi: isolate; }
.wfj-spoken { position: absolute; left: 0; top: 0; font-size: 0; white-space: nowrap; }
.wfj-long, :not(.wfj-texts) > .wfj-name, .wfj-group > .wfj-detail { overflow: hidden; text-overflow: ellipsis; }
.wfj-split { display: flex; } .wfj-split > .wfj-long { white-space: pre; } .wfj-tail { flex: none; white-space: pre; }
.wfj-time { flex: none; }
.wfj-bar { position: absolute; left: 4px; right: 4px; bottom: 0; height: 3px; border-radius: 2px; background: color-mix(in srgb, var(--wfj-running) 16%, transparent); }
.wfj-bar > i { display: block; height: 100%; border-radius: 2px; background: var(--wfj-running); transition: width .2s; } .wfj-calm .wfj-bar > i { transition: none; }
.wfj-card[data-status="running"] { border-color: color-mix(in srgb, var(--wfj-running) 75%, var(--wfj-card)); }
.wfj-card[data-status="running"] > * > .wfj-sub { color: var(--wfj-running-ink); }
.wfj-card[data-status="retrying"] { border-color: color-mix(in srgb, var(--wfj-retrying) 80%, var(--wfj-card)); }
.wfj-card[data-status="retrying"] > * > .wfj-sub { color: var(--wfj-retrying-ink); }
.wfj-card[data-status="failed"] {
  background: color-mix(in srgb, var(--wfj-failed) 7%, var(--wfj-card)); border-color: color-mix(in srgb, var(--wfj-failed) 70%, var(--wfj-card));
  box-shadow: 0 0 0 3px color-mix(in srgb, var(--wfj-failed) 16%, transparent);
}
.wfj-card[data-status="failed"] > * > .wfj-sub { color: var(--wfj-failed-ink); }
.wfj-card[data-status="pending"], .wfj-card[data-status="skipped"], .wfj-card[data-status="cancelled"] {
  background: color-mix(in srgb, var(--wfj-card) 55%, var(--wfj-area)); border-style: dashed; box-shadow: none;
}
.wfj-card[data-status="pending"] > * > .wfj-name, .wfj-card[data-status="skipped"] > * > .wfj-name,
.wfj-card[data-status="cancelled"] > * > .wfj-name { color: var(--wfj-dim); font-weight: 500; }
.wfj-card[data-status="skipped"]:not(.wfj-group) > * > .wfj-name { text-decoration: line-through; text-decoration-thickness: 1px; }
.wfj-card.wfj-selected { outline: 2px solid var(--wfj-accent); outline-offset: 2px; }
& :focus-visible { outline: 2px solid var(--wfj-accent); outline-offset: 2px; }
.wfj-group { width: 236px; flex-direction: column; align-items: stretch; gap: 0; padding: 9px 11px 0; justify-content: flex-start; overflow: visible; }
.wfj-group::before, .wfj-group::after {
  content: ""; position: absolute; left: 6px; right: 6px; bottom: -5px; height: 4px; box-sizing: border-box; border: 1px solid var(--wfj-line-strong);
  border-top: 0; border-radius: 0 0 8px 8px; background: var(--wfj-card); pointer-events: none;
}
.wfj-group::after { left: 13px; right: 13px; bottom: -8px; opacity: .6; }
.wfj-group-head { display: flex; align-items: center; gap: 8px; min-height: 20px; }
.wfj-group-head .wfj-name { min-width: 0; }
.wfj-chip { flex: none; padding: 1px 7px; border-radius: 6px; background: var(--wfj-hover); color: var(--wfj-dim); font-size: 12px; }
&.wfj-dark .wfj-chip { background: color-mix(in srgb, var(--wfj-card) 88%, #fff); }
.wfj-toggle { margin-left: auto; width: 20px; height: 20px; padding: 0; border: 0; border-radius: 5px; background: var(--wfj-hover); color: var(--wfj-dim); cursor: pointer; position: relative; flex: none; }
.wfj-toggle::before { content: ""; position: absolute; left: 7px; top: 5.5px; width: 5px; height: 5px; border: solid currentColor; border-width: 0 1.5px 1.5px 0; transform: rotate(45deg); }
.wfj-toggle.wfj-open::before { top: 8px; transform: rotate(225deg); }
.wfj-strip { display: block; width: 100%; height: 15px; margin-top: 5px; }
.wfj-group > .wfj-stack { height: 4px; margin-top: 3px; }
.wfj-group > .wfj-detail { flex: none; margin-top: 8px; font-size: 12px; color: var(--wfj-dim); }
.wfj-tally { display: flex; gap: 11px; margin-top: 5px; font-size: 12px; overflow: hidden; }
.wfj-tally .wfj-icon { width: 11px; height: 11px; }
.wfj-count { display: inline-flex; align-items: center; gap: 4px; white-space: nowrap; }
.wfj-inside { position: absolute; left: 13px; top: 88px; cursor: default; }
.wfj-tiles { display: grid; grid-template-columns: repeat(16, 11px); gap: 2px; margin-top: 7px; }
.wfj-tile { width: 11px; height: 11px; padding: 0; border: 0; border-radius: 2.5px; cursor: pointer; background: var(--wfj-tone, var(--wfj-track)); }
.wfj-tile[data-status="succeeded"] { background: var(--wfj-soft); } .wfj-tile[data-status="cached"] { background: var(--wfj-cached); }
.wfj-tile[data-status="running"] { background: var(--wfj-running); }
.wfj-tile[data-status="retrying"] { background: var(--wfj-retrying); border-radius: 50%; }
.wfj-tile[data-status="failed"] { background: linear-gradient(45deg, transparent 42%, var(--wfj-mark) 42% 58%, transparent 58%), linear-gradient(-45deg, transparent 42%, var(--wfj-mark) 42% 58%, transparent 58%), var(--wfj-failed); }
.wfj-tile[data-status="skipped"], .wfj-tile[data-status="cancelled"], .wfj-tile[data-status="pending"] { background: transparent; box-shadow: inset 0 0 0 1px var(--wfj-pending); }
.wfj-tile[data-status="skipped"], .wfj-tile[data-status="cancelled"] { background: linear-gradient(45deg, transparent 44%, var(--wfj-pending) 44% 56%, transparent 56%); }
.wfj-stack { display: flex; gap: 2px; height: 6px; border-radius: 3px; background: var(--wfj-track); overflow: hidden; }
.wfj-stack > i { flex: 0 0 3px; background: var(--wfj-tone); } .wfj-stack > i:not([hidden]) { flex-shrink: 1; }
.wfj-stack > i.wfj-s-pending { background: var(--wfj-track); flex-basis: 0; }
.wfj-strip-bar { display: flex; align-items: center; flex-wrap: wrap; gap: 6px 10px; padding: 6px 10px; border-top: 1px solid var(--wfj-line); background: var(--wfj-bg); }
.wfj-beyond { position: absolute; z-index: 2; border-radius: 13px; color: var(--wfj-running-ink); border-color: color-mix(in srgb, var(--wfj-running) 60%, var(--wfj-bg)); box-shadow: 0 1px 4px rgb(0 0 0 / 18%); }
.wfj-beyond-failed { color: var(--wfj-failed-ink); border-color: color-mix(in srgb, var(--wfj-failed) 60%, var(--wfj-bg)); }
.wfj-beyond-left { left: 6px; bottom: 6px; } .wfj-beyond-right { right: 6px; bottom: 6px; }
.wfj-beyond-top { top: 6px; left: 50%; transform: translateX(-50%); } .wfj-beyond-bottom { bottom: 6px; left: 50%; transform: translateX(-50%); }
.wfj-zoom { margin-left: auto; display: flex; align-items: stretch; border: 1px solid var(--wfj-line-strong); border-radius: 7px; background: var(--wfj-bg); font-size: 12px; overflow: hidden; cursor: default; }
.wfj-zoom-button { border: 0; background: transparent; color: var(--wfj-dim); padding: 0 9px; height: 24px; font: inherit; cursor: pointer; border-right: 1px solid var(--wfj-line); }
.wfj-zoom-button:last-child { border-right: 0; } .wfj-zoom-button:hover { background: var(--wfj-hover); color: var(--wfj-ink); }
.wfj-zoom-button:focus-visible { outline-offset: -2px; }
.wfj-percent { display: flex; align-items: center; justify-content: center; min-width: 46px; color: var(--wfj-dim); border-right: 1px solid var(--wfj-line); }
.wfj-tools { margin-left: 0; } .wfj-zoom-button:disabled { opacity: .55; cursor: default; } .wfj-zoom-button[aria-pressed="true"] { color: var(--wfj-ink); box-shadow: inset 0 -2px 0 var(--wfj-accent); }
.wfj-filter { border: 0; border-right: 1px solid var(--wfj-line); background: transparent; color: var(--wfj-dim); font-size: 12px; padding: 0 4px; cursor: pointer; max-width: 112px; }
.wfj-filter option { background: var(--wfj-bg); color: var(--wfj-ink); }
.wfj-finder { position: absolute; z-index: 3; left: 10px; bottom: 8px; width: min(300px, calc(100% - 20px)); box-sizing: border-box; padding: 6px; border: 1px solid var(--wfj-line-strong); border-radius: 8px; background: var(--wfj-bg); box-shadow: 0 4px 14px rgb(0 0 0 / 16%); cursor: default; }
.wfj-finder .wfj-search { width: 100%; height: 26px; }
.wfj-result { min-height: 24px; display: flex; align-items: center; gap: 7px; width: 100%; padding: 3px 6px; border: 0; border-radius: 5px; background: none; color: var(--wfj-ink); text-align: left; cursor: pointer; }
.wfj-result:hover, .wfj-result:focus-visible { background: var(--wfj-hover); } .wfj-result .wfj-icon { width: 13px; height: 13px; } .wfj-result .wfj-name { font-weight: 500; }
.wfj-more { padding: 3px 6px 5px; font-size: 11.5px; }
.wfj-line { display: flex; align-items: center; flex-wrap: wrap; gap: 4px 12px; flex: 1; min-width: 0; font-size: 12px; color: var(--wfj-dim); }
.wfj-line > span:first-child { min-width: 0; overflow: hidden; text-overflow: ellipsis; } .wfj-line > .wfj-hint, .wfj-line > .wfj-action { margin-left: auto; }
.wfj-overview { cursor: zoom-in; } .wfj-columns { position: absolute; inset: 0; overflow: hidden; pointer-events: none; font-size: 11px; color: var(--wfj-dim); }
.wfj-columns > span { position: absolute; top: 8px; overflow: hidden; white-space: nowrap; text-overflow: ellipsis; } .wfj-columns > .wfj-column-name { color: var(--wfj-ink); } .wfj-rate { margin-left: auto; color: var(--wfj-dim); white-space: nowrap; }
.wfj-tree:focus-visible { outline: none; } .wfj-graph:has(> .wfj-world > .wfj-tree:focus-visible)::after { content: ""; position: absolute; inset: 2px; border: 2px solid var(--wfj-accent); border-radius: 4px; pointer-events: none; }
.wfj-empty { position: absolute; inset: 0; margin: 0; display: flex; align-items: center; justify-content: center; color: var(--wfj-dim); font-size: 12px; }
.wfj-tiny .wfj-card:not(.wfj-group) .wfj-sub { display: none; } .wfj-tiny .wfj-card:not(.wfj-group) .wfj-name { font-size: 15px; }
`;

export const KEYFRAMES = `
@keyframes wfj-turn { to { transform: rotate(360deg); } }
`;

export const DRAWING = ICONS + CARDS;
