/** The charts' CSS, for the shadow root that holds them; colours come as variables from `tokenVariables`. */

export const chartCss = `
.chart { position: relative; display: flex; flex-direction: column; width: 100%; height: 100%;
  min-width: 0; min-height: 0; color: var(--ink); font-variant-numeric: tabular-nums; }
.chart:focus-visible { outline: 2px solid var(--ink); outline-offset: 3px; border-radius: 4px; }
.chart-header { display: flex; align-items: center; gap: 8px; height: 20px; flex: none;
  font-size: 12.5px; line-height: 20px; white-space: nowrap; }
.chart-title { font-weight: 600; overflow: hidden; text-overflow: ellipsis; flex: none;
  max-width: 72%; }
.chart-aside { margin-left: auto; display: flex; align-items: center; gap: 8px; color: var(--muted);
  font-size: 12px; min-width: 0; }
.chart-note { overflow: hidden; text-overflow: ellipsis; min-width: 0; }
.chart button { font: inherit; color: var(--muted); background: none; border: 0; padding: 0 2px;
  margin: 0; cursor: pointer; border-radius: 4px; line-height: 18px; }
.chart button:hover { color: var(--ink); text-decoration: underline; text-underline-offset: 3px; }
.chart button:focus-visible { outline: 2px solid var(--ink); outline-offset: 1px; }
.chart button[aria-pressed="true"] { color: var(--ink); font-weight: 600; }
.chart .chart-reset { border: 1px solid var(--hairline); padding: 0 7px; color: var(--ink); }
.chart [hidden] { display: none; }
.chart-plot { position: relative; flex: 1 1 0; min-height: 0; min-width: 0; overflow: hidden; }
.chart-empty { position: absolute; z-index: 1; left: calc(50% + 15px); top: calc(50% - 7px);
  transform: translate(-50%, -50%); padding: 2px 8px; color: var(--muted); font-size: 12px;
  white-space: nowrap; pointer-events: none; }
.chart .uplot, .chart .uplot * { box-sizing: border-box; }
.chart .uplot { position: absolute; left: 0; top: 0; }
.chart .u-wrap { position: relative; user-select: none; }
.chart .u-over, .chart .u-under, .chart .u-axis { position: absolute; }
.chart .u-over { cursor: crosshair; touch-action: pan-x pan-y; }
.chart .u-under { overflow: hidden; }
.chart .uplot canvas { display: block; position: relative; width: 100%; height: 100%; }
.chart .u-select { position: absolute; pointer-events: none; background: var(--ink); opacity: 0.09; }
.chart .u-cursor-x { position: absolute; left: 0; top: 0; height: 100%; pointer-events: none;
  border-right: 1px solid var(--muted); will-change: transform; }
.chart .u-off { display: none; }
.chart-hover { position: absolute; left: 0; top: 0; z-index: 3; pointer-events: none; max-width: 100%;
  background: var(--raised); border: 1px solid var(--hairline); border-radius: 8px; padding: 5px 9px;
  font-size: 12px; line-height: 16px; color: var(--ink); white-space: nowrap; overflow: hidden; }
.chart-hover table { border-collapse: collapse; }
.chart-hover td, .chart-hover th { padding: 0; text-align: right; font-weight: 600; }
.chart-hover th { font-weight: 400; color: var(--muted); padding-left: 12px; }
.chart-hover td.name { text-align: left; font-weight: 400; max-width: 150px; overflow: hidden;
  text-overflow: ellipsis; }
.chart-hover td.title { text-align: left; font-weight: 400; color: var(--muted); }
.chart-hover td.value { padding-left: 12px; }
.chart-hover td.glyph { padding-right: 5px; width: 15px; }
.chart-hover td.glyph svg { display: block; }
.chart-hover .mark { color: var(--muted); }
.picture { position: relative; width: 100%; height: 100%; min-width: 0; min-height: 0;
  overflow: hidden; border-radius: inherit; color: var(--ink); font-variant-numeric: tabular-nums; }
.picture canvas { position: absolute; inset: 0; width: 100%; height: 100%; display: block; }
.picture-note { position: absolute; left: 0; bottom: 0; font-size: 12px; line-height: 16px;
  color: var(--muted); pointer-events: none; white-space: nowrap; max-width: 100%; overflow: hidden;
  text-overflow: ellipsis; }
`;
