/** A line chart on paper: always of the same size, with what is in view. */

import { formatTicks } from "../look/format.ts";
import { TOKENS } from "../look/palette.ts";
import { linearTicks, logTicks, type Range, type Scale } from "./axis.ts";
import type { DrawnTable, Exported, StoredData } from "./figure.ts";
import type { LineChartOptions } from "./line_options.ts";
import { paintLines } from "./line_paint.ts";
import { type Frame, xOf, yOf } from "./line_shape.ts";
import type { RunLines } from "./run_lines.ts";
import { all, type Basis, type Painters, Settled } from "./settled.ts";
import type { Scene } from "./types.ts";
import type { XAxis } from "./x_axis.ts";

const SIZE = { width: 760, height: 400 };
const MOST_TICKS = { x: 8, y: 6 };

export interface LineLook {
  lines: RunLines;
  view: Range;
  values: Range;
  scale: Scale;
  axis: XAxis;
  ground: string;
}

/** Draws all lines anew: there is no earlier picture to add to. */
class Whole extends Settled {
  override paint(
    context: CanvasRenderingContext2D,
    _frame: Frame,
    _basis: Basis,
    _newest: number,
    painters: Painters,
  ): void {
    all(painters.whole(context));
  }
}

export function lineExport(scene: Scene, options: LineChartOptions, look: LineLook): Exported {
  const { view, values, scale, axis, lines } = look;
  const frame: Frame = { ...SIZE, ratio: 1, x: view, y: values, scale };
  const xTicks = axis.ticks(view, MOST_TICKS.x);
  const yTicks = (scale === "log" ? logTicks : linearTicks)(values, MOST_TICKS.y);
  const xLabels = axis.labels(xTicks);
  const yLabels = formatTicks(yTicks, options.format);
  const columns = options.columns.flatMap(({ name, band }) => [
    name,
    ...(band ? [band.column] : []),
  ]);
  return {
    figure: {
      ...SIZE,
      title: options.title,
      note: options.note ?? (options.window ? `mean of ${options.window} steps` : ""),
      theme: scene.theme,
      ground: look.ground,
      runs: scene.runs,
      x: {
        name: options.unit ?? axis.name,
        ticks: xTicks.map((x, i) => ({ at: xOf(frame, x), label: xLabels[i] ?? "" })),
      },
      y: {
        name: "",
        ticks: yTicks.map((y, i) => ({ at: yOf(frame, y), label: yLabels[i] ?? "" })),
      },
      grid: true,
      paint: (context, cursor = scene.cursor) => {
        const tokens = { ...TOKENS[scene.theme], page: look.ground };
        const now = { ...scene, cursor };
        paintLines(context, frame, now, lines.ordered(now), tokens, new Whole());
      },
    },
    data: {
      kind: "stored",
      columns: [...new Set(columns)],
      runs: scene.runs.map((run) => run.id),
      first: Math.max(1, Math.ceil(view[0])),
      last: Math.max(1, Math.min(Math.floor(view[1]), scene.head)),
    },
  };
}

/** The same with a table of what is drawn: of every run, named in a column, its places and values. */
export function withDrawnRows(
  found: Exported,
  scene: Scene,
  whose: string,
  along: string,
  view: Range,
): Exported {
  const { data } = found;
  if (data?.kind !== "stored") return found;
  const { first, last } = data;
  const table = () => drawnTable(scene, data, whose, along, view);
  return { ...found, data: { kind: "drawn", first, last, table } };
}

function drawnTable(
  { rows, runs }: Scene,
  { columns }: StoredData,
  whose: string,
  along: string,
  view: Range,
): DrawnTable {
  const names: string[] = [];
  const places: number[] = [];
  const values = columns.map((): number[] => []);
  for (const { id, name } of runs) {
    const parts = columns.map((column) => rows.column(id, column));
    const [main] = parts;
    for (let i = 0; i < (main?.n ?? 0); i++) {
      const place = main?.steps[i] as number;
      if (place < view[0] || place > view[1]) continue;
      names.push(name);
      places.push(place);
      parts.forEach((part, k) => {
        const same = part !== undefined && i < part.n && part.steps[i] === place;
        values[k]?.push(same ? (part.values[i] as number) : Number.NaN);
      });
    }
  }
  const named = columns.map((column, k): [string, number[]] => [column, values[k] as number[]]);
  return { [whose]: names, [along]: places, ...Object.fromEntries(named) };
}
