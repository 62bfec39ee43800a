/** A sweep's map as it is saved: the cells with their values, and all of them as a table. */

import type { DrawnTable, Exported } from "../../charts/figure.ts";
import type { ThemeName } from "../../charts/types.ts";
import { formatTick } from "../../look/format.ts";
import { css, heatRgb, inkOn } from "../../look/heat.ts";
import { TOKENS } from "../../look/palette.ts";
import type { Sweep } from "../../protocol.ts";
import { type Cells, type HeatScale, sampleOf, spotKey } from "./cells.ts";
import type { Measure } from "./measures.ts";

/** Of a cell, in pixels: room for a number. */
const WIDTH = 72;
const HEIGHT = 40;

export function heatExport(
  sweep: Sweep,
  cells: Cells,
  measure: Measure,
  scale: HeatScale | null,
  theme: ThemeName,
): Exported {
  const { x, y } = sweep;
  const [width, height] = [WIDTH * x.values.length, HEIGHT * y.values.length];
  const tokens = TOKENS[theme];
  const paint = (context: CanvasRenderingContext2D) => {
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.font = `12px ${getComputedStyle(document.body).fontFamily || "sans-serif"}`;
    for (const cell of cells.values()) {
      const [left, top] = [WIDTH * cell.x, height - HEIGHT * (cell.y + 1)];
      const sample = sampleOf(cell, measure);
      const ground = sample && scale ? heatRgb(theme, scale.share(sample.mean)) : null;
      if (ground) {
        context.fillStyle = css(ground);
        context.fillRect(left + 1, top + 1, WIDTH - 2, HEIGHT - 2);
      }
      const words = sample ? measure.format(sample.mean) : cell.state === "diverged" ? "×" : "";
      context.fillStyle = ground ? css(inkOn(ground)) : tokens.ink;
      if (words) context.fillText(words, left + WIDTH / 2, top + HEIGHT / 2);
    }
  };
  return {
    figure: {
      title: measure.label,
      note: `${scale?.log ? "log colours, " : ""}× diverged`,
      width,
      height,
      theme,
      ground: tokens.page,
      runs: [],
      x: {
        name: x.label,
        ticks: x.values.map((v, i) => ({ at: WIDTH * (i + 0.5), label: formatTick(v) })),
      },
      y: {
        name: y.label,
        ticks: y.values.map((v, j) => ({ at: height - HEIGHT * (j + 0.5), label: formatTick(v) })),
      },
      paint,
    },
    data: {
      kind: "drawn",
      table: () => heatTable(sweep, cells, measure),
      first: 1,
      last: sweep.steps,
    },
  };
}

/** A row a cell; NaN where it has no value. */
export function heatTable(sweep: Sweep, cells: Cells, measure: Measure): DrawnTable {
  const all = sweep.y.values.flatMap((_, j) =>
    sweep.x.values.map((_, i) => ({ x: i, y: j, cell: cells.get(spotKey({ x: i, y: j })) })),
  );
  const value = (part: "mean" | "sd" | "n") =>
    all.map(({ cell }) => cell?.values[measure.name]?.[part] ?? Number.NaN);
  return {
    [sweep.x.setting]: all.map(({ x }) => sweep.x.values[x] as number),
    [sweep.y.setting]: all.map(({ y }) => sweep.y.values[y] as number),
    state: all.map(({ cell }) => cell?.state ?? "waiting"),
    step: all.map(({ cell }) => cell?.step ?? 0),
    diverged_step: all.map(({ cell }) => cell?.diverged_step ?? Number.NaN),
    [measure.name]: value("mean"),
    [`${measure.name}/sd`]: value("sd"),
    seeds: value("n"),
  };
}
