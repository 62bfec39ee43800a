import { BASIN_TINTS, basinPixels, tintsOf } from "../charts/basins.ts";
import type { DrawnTable, Exported } from "../charts/figure.ts";
import { axisOf } from "../charts/figure_axis.ts";
import type { RunView, ThemeName } from "../charts/types.ts";
import { rgb, TOKENS } from "../look/palette.ts";
import { NO_MINIMUM, type Swarm, type SwarmPicture } from "../state/swarm.ts";

const SIDE = 480;

interface Given {
  picture: SwarmPicture;
  swarm: Swarm;
  run: RunView;
  theme: ThemeName;
  words: string;
}

/** A run's basins on paper: the picture itself, its minima and its axes; every start as a row. */
export function basinExport(given: Given): Exported {
  const { swarm, run, theme, words } = given;
  const tokens = TOKENS[theme];
  const share = (v: number, [low, high]: [number, number]) => (v - low) / (high - low);
  return {
    figure: {
      title: "Basins",
      note: words,
      width: SIDE,
      height: SIDE,
      theme,
      ground: tokens.page,
      runs: [run],
      x: axisOf("x", swarm.x, SIDE, false),
      y: axisOf("y", swarm.y, SIDE, true),
      paint: (context) => {
        context.imageSmoothingEnabled = false;
        context.drawImage(pixelsOf(given), 0, 0, SIDE, SIDE);
        context.lineWidth = 1.5;
        context.strokeStyle = tokens.ink;
        for (const { x, y, kind } of swarm.minima) {
          const radius = kind === "minimum" ? 4 : 2.5;
          context.beginPath();
          context.arc(
            share(x, swarm.x) * SIDE,
            (1 - share(y, swarm.y)) * SIDE,
            radius,
            0,
            2 * Math.PI,
          );
          context.stroke();
        }
        context.strokeStyle = tokens.hairline;
        context.lineWidth = 1;
        context.strokeRect(0.5, 0.5, SIDE - 1, SIDE - 1);
      },
    },
    data: {
      kind: "drawn",
      first: swarm.steps,
      last: swarm.steps,
      table: () => startsTable(given),
    },
  };
}

function pixelsOf({ picture, swarm, theme }: Given): HTMLCanvasElement {
  const { n, steps, minima } = swarm;
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [n, n];
  const tints = tintsOf(minima).map((tint) => rgb(BASIN_TINTS[theme][tint] as string));
  const pixels = new ImageData(basinPixels(picture, n, steps, tints), n, n);
  canvas.getContext("2d")?.putImageData(pixels, 0, 0);
  return canvas;
}

/** Where each start lies, where the minimum lies that it ends in, and after how many steps. */
function startsTable({ picture, swarm }: Given): DrawnTable {
  const { n, minima } = swarm;
  const at = (i: number, [low, high]: [number, number]) => low + (i / (n - 1)) * (high - low);
  const count = n * n;
  const make = (value: (i: number) => number) =>
    Float64Array.from({ length: count }, (_, i) => value(i));
  const ended = (i: number) => {
    const which = picture.which[i] as number;
    return which === NO_MINIMUM ? undefined : minima[which];
  };
  return {
    start_x: make((i) => at(i % n, swarm.x)),
    start_y: make((i) => at(Math.floor(i / n), swarm.y)),
    minimum_x: make((i) => ended(i)?.x ?? Number.NaN),
    minimum_y: make((i) => ended(i)?.y ?? Number.NaN),
    steps: make((i) => (ended(i) ? (picture.reachedAt[i] as number) : Number.NaN)),
  };
}
