// The look of the list of executions.
import { ICONS, TOKENS } from "../draw/style.ts";

const TONES = TOKENS.replaceAll(".wfj-root", ".wfj-listing");

const RULES = `${ICONS}
[hidden] { display: none !important; }
box-sizing: border-box; display: flex; flex-direction: column; height: 100%; min-height: 0; overflow: auto; background: var(--wfj-bg); color: var(--wfj-ink);
font: 13px/1.4 var(--jp-ui-font-family, system-ui, sans-serif); font-variant-numeric: tabular-nums;
button, input { font: inherit; color: inherit; } h2, h3, p, ul { margin: 0; padding: 0; list-style: none; }
.wfj-icon { width: 12px; height: 12px; } .wfj-i-turn { animation: none; }
.wfj-sign { width: 15px; height: 15px; fill: none; stroke: currentColor; stroke-width: 1.5; stroke-linecap: round; stroke-linejoin: round; display: block; }
.wfj-listing-head { position: sticky; top: 0; z-index: 1; padding: 8px 12px 9px; background: var(--wfj-bg); border-bottom: 1px solid var(--wfj-line); }
.wfj-listing-title { display: flex; align-items: center; justify-content: space-between; min-height: 24px; }
.wfj-listing-title h2 { font-size: 13px; font-weight: 700; } .wfj-listing-tools { display: flex; gap: 2px; }
.wfj-listing-find { display: flex; align-items: center; gap: 7px; margin-top: 6px; padding: 0 9px; border: 1px solid var(--wfj-line-strong); border-radius: 6px; color: var(--wfj-dim); }
.wfj-listing-find:focus-within { outline: 2px solid var(--wfj-accent); outline-offset: -1px; }
.wfj-listing-search { flex: 1; min-width: 0; height: 26px; border: 0; outline: 0; background: none; color: var(--wfj-ink); padding: 0; font-size: 12.5px; }
.wfj-listing-search::placeholder { color: var(--wfj-dim); opacity: 1; }
.wfj-listing-chips { display: flex; flex-wrap: wrap; gap: 5px; margin-top: 9px; }
.wfj-listing-chip { display: inline-flex; align-items: center; gap: 5px; min-height: 24px; padding: 0 7px; border: 1px solid var(--wfj-line-strong); border-radius: 12px; background: none; color: var(--wfj-dim); font-size: 12px; cursor: pointer; }
.wfj-listing-chip b { color: var(--wfj-ink); } .wfj-listing-chip:hover { background: var(--wfj-hover); }
.wfj-listing-chip[aria-pressed="true"] { border-color: var(--wfj-accent); box-shadow: inset 0 0 0 1px var(--wfj-accent); color: var(--wfj-ink); }
.wfj-listing-status, .wfj-listing-comparing { padding: 9px 12px; color: var(--wfj-dim); font-size: 12px; } .wfj-listing-comparing { background: var(--wfj-hover); color: var(--wfj-ink); }
.wfj-listing-day h3 { padding: 9px 12px 5px; font-size: 11px; font-weight: 600; color: var(--wfj-dim); }
.wfj-entry { position: relative; padding: 5px 12px 6px; border-bottom: 1px solid var(--wfj-line); cursor: pointer; line-height: 17px; }
.wfj-entry:hover, .wfj-entry:focus-within { background: var(--wfj-hover); }
.wfj-entry-line { display: flex; align-items: center; gap: 8px; min-width: 0; min-height: 18px; }
.wfj-entry-choice { margin: 0; width: 16px; height: 16px; flex: none; }
.wfj-entry-name { flex: 1; min-width: 0; border: 0; padding: 0; background: none; text-align: left; font-weight: 600; cursor: pointer; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; min-height: 18px; }
.wfj-entry-inputs { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; color: var(--wfj-dim); font-size: 12px; }
.wfj-entry-status { display: flex; align-items: center; gap: 5px; flex: 1; min-width: 0; font-size: 12px; color: var(--wfj-dim); } .wfj-entry-status span { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.wfj-entry[data-status="running"] .wfj-entry-status { color: var(--wfj-running-ink); } .wfj-entry[data-status="failed"] .wfj-entry-status { color: var(--wfj-failed-ink); }
.wfj-entry:is([data-status="cancelling"], [data-status="interrupted"], [data-status="parked"]) .wfj-entry-status { color: var(--wfj-retrying-ink); }
.wfj-entry-length, .wfj-entry-moment { flex: none; color: var(--wfj-dim); font-size: 12px; }
.wfj-entry-buttons { display: none; gap: 2px; flex: none; }
.wfj-entry:is(:hover, :focus-within) .wfj-entry-buttons { display: flex; } .wfj-entry:is(:hover, :focus-within) .wfj-entry-length { display: none; }
.wfj-entry:is(:hover, :focus-within) .wfj-entry-moment:not([data-length=""])::after { content: " · " attr(data-length); }
.wfj-entry-button { display: grid; place-items: center; width: 24px; height: 24px; margin: -3px 0; border: 0; border-radius: 5px; padding: 0; background: none; cursor: pointer; }
.wfj-entry-button:hover { background: var(--wfj-line); } .wfj-entry-button[aria-disabled="true"] { opacity: .4; } .wfj-entry-button[aria-pressed="true"] { background: var(--wfj-line); }
:is(.wfj-entry-name, .wfj-entry-button, .wfj-listing-chip, .wfj-listing-older):focus-visible { outline: 2px solid var(--wfj-accent); outline-offset: 1px; border-radius: 4px; }
.wfj-entry-bar { position: absolute; left: 12px; right: 12px; bottom: -1px; height: 3px; border-radius: 2px; background: color-mix(in srgb, var(--wfj-running) 25%, var(--wfj-bg)); overflow: hidden; }
.wfj-entry-bar > i { display: block; height: 100%; background: var(--wfj-running); }
.wfj-listing-older { margin: 10px 12px; min-height: 26px; border: 1px solid var(--wfj-line-strong); border-radius: 6px; background: none; cursor: pointer; }
&.wfj-listing-stale .wfj-listing-list { opacity: .6; }
.wfj-status-button { display: inline-flex; align-items: center; gap: 5px; height: 20px; padding: 0 8px; border: 0; border-radius: 4px; cursor: pointer; font-size: 12px; font-weight: 600; color: var(--wfj-running-ink); background: color-mix(in srgb, var(--wfj-running) 16%, transparent); }
&.wfj-listing-cell { height: auto; max-height: 460px; margin: 2px 0; border: 1px solid var(--wfj-line); border-radius: 10px; }
@media (hover: none) { .wfj-entry-buttons { display: flex; } }
@media (forced-colors: active) { .wfj-entry-bar > i { background: Highlight; } }
`;

/** Nested, our rules outweigh those that JupyterLab has for bare elements. */
export const LISTING = `${TONES}.wfj-listing {${RULES}}`;
