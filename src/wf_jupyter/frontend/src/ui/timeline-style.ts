// The look of the timeline.
export const TIMELINE = `
.wfj-timeline { background: var(--wfj-area); --wfj-names: 200px; --wfj-times: 64px; }
&.wfj-narrow .wfj-timeline { --wfj-names: 120px; --wfj-times: 54px; }
.wfj-timeline-box { position: relative; overflow: hidden; }
.wfj-timeline-box::before { content: ""; position: absolute; z-index: 1; left: var(--wfj-names); top: 0; bottom: 0; border-left: 1px solid var(--wfj-line); pointer-events: none; }
.wfj-lanes { z-index: 1; overflow: auto; position: relative; padding-top: 30px; box-sizing: border-box; }
.wfj-lane-row { position: absolute; left: 0; right: 0; display: flex; align-items: center; font-size: 12px; cursor: pointer; user-select: text; }
.wfj-lane-row:nth-child(odd) { background: color-mix(in srgb, var(--wfj-ink) 2%, transparent); }
.wfj-lane-row:hover { background: var(--wfj-hover); } .wfj-lane-row:focus-visible { outline-offset: -2px; }
.wfj-lane-name { width: var(--wfj-names); box-sizing: border-box; padding: 0 8px 0 14px; display: flex; align-items: center; gap: 9px; flex: none; min-width: 0; }
.wfj-lane-name .wfj-icon { width: 15px; height: 15px; }
.wfj-lane-texts { min-width: 0; flex: 1; } .wfj-lane-texts > span { display: block; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.wfj-lane-row .wfj-name { font-weight: 400; } .wfj-on-path .wfj-name, .wfj-on-path .wfj-lane-time { font-weight: 650; color: var(--wfj-ink); }
.wfj-lane-sub { color: var(--wfj-dim); font-size: 11px; }
.wfj-lane-row[data-status="pending"] .wfj-name, .wfj-lane-row[data-status="skipped"] .wfj-name { color: var(--wfj-dim); }
.wfj-lane { position: relative; flex: 1; height: 100%; min-width: 0; margin-left: 12px; }
.wfj-lane-time { width: var(--wfj-times); box-sizing: border-box; padding-right: 14px; text-align: right; color: var(--wfj-dim); flex: none; white-space: nowrap; }
.wfj-unusual { color: var(--wfj-retrying-ink) !important; font-weight: 600; } .wfj-unusual::before { content: "▲ "; font-size: 8px; vertical-align: 1px; }
.wfj-span { position: absolute; overflow: hidden; top: 6px; height: 15px; min-width: 3px; border-radius: 3px; box-sizing: border-box; background: color-mix(in srgb, var(--wfj-tone) 52%, var(--wfj-bg)); }
.wfj-on-path .wfj-span { background: var(--wfj-tone); }
.wfj-span.wfj-s-running { background: color-mix(in srgb, var(--wfj-tone) 62%, var(--wfj-bg)); }
.wfj-span.wfj-s-failed { background: var(--wfj-failed); } .wfj-span.wfj-s-failed.wfj-earlier { background: color-mix(in srgb, var(--wfj-failed) 36%, var(--wfj-bg)); }
.wfj-span.wfj-s-failed::after { content: "✕"; position: absolute; right: 3px; top: 0; overflow: hidden; font: 700 9px/15px sans-serif; color: var(--wfj-mark); }
.wfj-span.wfj-expected { background: color-mix(in srgb, var(--wfj-tone) 13%, var(--wfj-bg)); border: 1px dashed color-mix(in srgb, var(--wfj-tone) 70%, var(--wfj-bg)); }
.wfj-span.wfj-s-running + .wfj-expected { border-left-width: 0; border-radius: 0 3px 3px 0; }
.wfj-cached-mark { width: 10px !important; clip-path: polygon(0 0, 60% 0, 100% 50%, 60% 100%, 0 100%); background: var(--wfj-cached) !important; }
.wfj-span.wfj-around { background: color-mix(in srgb, var(--wfj-tone) 20%, var(--wfj-bg)) !important; border-radius: 0 3px 3px 0; } .wfj-span.wfj-around::after { content: none; }
.wfj-queued { position: absolute; top: 12.5px; border-top: 2px dotted var(--wfj-line-strong); }
.wfj-wait { position: absolute; top: 12.5px; border-top: 2px dotted var(--wfj-retrying); }
.wfj-concurrency { position: absolute; top: 6px; bottom: 6px; box-sizing: border-box; overflow: hidden; border-radius: 3px; background: color-mix(in srgb, var(--wfj-tone, var(--wfj-running)) 7%, transparent); }
.wfj-area { display: block; width: 100%; height: 100%; }
.wfj-area path { fill: color-mix(in srgb, var(--wfj-tone) 34%, transparent); stroke: var(--wfj-tone); stroke-width: 1.3; vector-effect: non-scaling-stroke; }
.wfj-area-left { border: 1px dashed color-mix(in srgb, var(--wfj-running) 70%, var(--wfj-bg)); border-left: 0; border-radius: 0 3px 3px 0; background: color-mix(in srgb, var(--wfj-running) 10%, transparent); }
.wfj-area-words { position: absolute; inset: 0; display: flex; align-items: center; justify-content: center; font-style: normal; font-size: 11.5px; color: color-mix(in srgb, var(--wfj-tone) 30%, var(--wfj-ink)); white-space: nowrap; }
.wfj-fail-tick::after { content: ""; position: absolute; left: -8px; top: -10px; width: 16px; height: 18px; }
.wfj-fail-tick { position: absolute; bottom: 1px; width: 0; height: 0; margin-left: -3.5px; border: 3.5px solid transparent; border-top: 0; border-bottom: 5px solid var(--wfj-failed); cursor: pointer; z-index: 1; filter: drop-shadow(0 0 .6px var(--wfj-bg)); }
.wfj-critical { position: absolute; top: 5px; height: 17px; min-width: 5px; margin-left: -1px; border: 1.75px solid var(--wfj-ink); border-radius: 4px; box-sizing: border-box; pointer-events: none; }
.wfj-critical.wfj-tall { top: 5px; height: auto; bottom: 5px; } .wfj-critical.wfj-ahead { border-style: dashed; border-color: var(--wfj-dim); }
.wfj-link-line { position: absolute; z-index: 1; width: 0; margin-left: -3px; border-left: 1.75px solid var(--wfj-ink); pointer-events: none; }
.wfj-link-line.wfj-arrow::after, .wfj-link-across::after { content: ""; position: absolute; border: 4px solid transparent; }
.wfj-link-line.wfj-arrow::after { left: -5px; bottom: -1px; border-bottom: 0; border-top: 6px solid var(--wfj-ink); }
.wfj-link-across { position: absolute; z-index: 1; top: 12.5px; margin-left: -3px; border-top: 1.75px solid var(--wfj-ink); pointer-events: none; }
.wfj-lane-group .wfj-link-across { top: 12.5px; }
.wfj-link-across::after { right: -3px; top: -5px; border-right: 0; border-left: 6px solid var(--wfj-ink); }
.wfj-link-line.wfj-ahead { border-left-style: dashed; border-color: var(--wfj-dim); } .wfj-link-across.wfj-ahead { border-top-style: dashed; border-color: var(--wfj-dim); }
.wfj-lane-note { position: absolute; left: 0; right: 0; top: 5px; text-align: center; color: var(--wfj-dim); font-size: 11.5px; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.wfj-lane-area { position: absolute; left: calc(var(--wfj-names) + 12px); right: var(--wfj-times); top: 0; bottom: 0; pointer-events: none; }
.wfj-axis { position: absolute; inset: 0; } .wfj-tick { position: absolute; top: 7px; transform: translateX(-50%); font-size: 11px; color: var(--wfj-dim); white-space: nowrap; }
.wfj-tick::after { content: ""; position: absolute; left: 50%; top: 21px; height: 2000px; border-left: 1px solid var(--wfj-line); opacity: .7; }
.wfj-gap { position: absolute; top: 25px; bottom: 0; box-sizing: border-box; border: dashed var(--wfj-line-strong); border-width: 0 1px; background: repeating-linear-gradient(135deg, transparent 0 4px, var(--wfj-line) 4px 5px); font-size: 10px; color: var(--wfj-dim); writing-mode: vertical-rl; text-align: center; white-space: nowrap; overflow: hidden; }
.wfj-now { position: absolute; z-index: 2; pointer-events: none; top: 0; bottom: 0; margin-left: -.75px; border-left: 1.5px solid var(--wfj-accent); }
.wfj-now-label { position: absolute; top: 5px; left: 0; transform: translateX(-50%); background: var(--wfj-accent); color: #fff; font-size: 11px; font-weight: 600; border-radius: 4px; padding: 1px 6px; }
.wfj-path { display: flex; align-items: center; flex-wrap: wrap; gap: 6px 12px; min-height: 24px; padding: 8px 14px; border-top: 1px solid var(--wfj-line); background: var(--wfj-bg); font-size: 12px; }
.wfj-path-words { flex: 1 1 300px; min-width: 0; overflow: hidden; text-overflow: ellipsis; } .wfj-path-words b { font-weight: 650; }
.wfj-path-mark { display: inline-block; width: 20px; height: 10px; box-sizing: border-box; margin-right: 8px; vertical-align: -1px; border: 1.75px solid var(--wfj-ink); border-radius: 3px; background: var(--wfj-succeeded); }
.wfj-replay { display: flex; align-items: center; gap: 8px 10px; padding: 7px 14px; border-bottom: 1px solid var(--wfj-line); background: var(--wfj-area); }
.wfj-slider { flex: 1 1 120px; min-width: 60px; height: 24px; margin: 0; accent-color: var(--wfj-accent); }
.wfj-play { width: 34px; padding: 0; font-size: 11px; } .wfj-tool[aria-pressed="true"] { border-color: var(--wfj-accent); box-shadow: inset 0 -2px 0 var(--wfj-accent); }
.wfj-replay-time { font-size: 12px; color: var(--wfj-dim); white-space: nowrap; }
.wfj-tab.wfj-chosen { background: var(--wfj-bg); color: var(--wfj-ink); font-weight: 600; box-shadow: inset 0 -2px 0 var(--wfj-accent); }
&.wfj-still .wfj-head .wfj-commands:not(.wfj-tools), &.wfj-still .wfj-badge { display: none; }
&.wfj-narrow .wfj-replay { flex-wrap: wrap; }
`;
