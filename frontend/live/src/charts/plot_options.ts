/** How uPlot is set up: our bounds, ticks and colours; its axes, cursor and selection. */

import type uPlot from "uplot";
import { formatTicks } from "../look/format.ts";
import type { Tokens } from "../look/palette.ts";
import { linearTicks, logTicks, type Range, type Scale } from "./axis.ts";
import type { XAxis } from "./x_axis.ts";

/** What the axes ask for whenever they are drawn. */
export interface PlotSource {
  font: string;
  /** How much larger than usual letters are. */
  enlarge: number;
  format: (v: number) => string;
  tokens(): Tokens;
  axis: XAxis;
  view(): Range;
  values(): Range;
  scale(): Scale;
  /** Size of the whole plot in CSS pixels. */
  size(): { width: number; height: number };
  onDraw(plot: uPlot): void;
  onCursor(plot: uPlot): void;
  onSelect(plot: uPlot): void;
  onDoubleClick(): void;
}

export const AXIS_WIDTH = 46;
export const AXIS_HEIGHT = 22;
/** Above for half a glyph, at the right for half a label. */
const PADDING = { top: 8, right: 16 };
const HALF_DIGIT = 3.4;
const TICK_ROOM = { x: 60, y: 44 };

export function plotOptions(source: PlotSource): uPlot.Options {
  const none = { show: false };
  const { enlarge } = source;
  const axis = { width: AXIS_WIDTH * enlarge, height: AXIS_HEIGHT * enlarge };
  // Half of the last place's label stands out of the plot.
  const lastLabelRoom = () => {
    const label = source.axis.format(source.view()[1]);
    return Math.max(PADDING.right, label.length * HALF_DIGIT * enlarge + 2);
  };
  const most = (pixels: number, each: number) =>
    Math.min(6, Math.max(2, Math.floor(pixels / each) + 1));
  // uPlot's value axis is linear in the value or its exponent; the ticks know which.
  const toAxis = (v: number) => (source.scale() === "log" ? Math.log10(v) : v);
  const fromAxis = (v: number) => tidy(source.scale() === "log" ? 10 ** v : v);
  const valueTicks = () => {
    const count = most(source.size().height - axis.height - PADDING.top, TICK_ROOM.y * enlarge);
    const ticks = source.scale() === "log" ? logTicks : linearTicks;
    return ticks(source.values(), count).map(toAxis);
  };
  const stepTicksNow = () => {
    const count = most(source.size().width - axis.width - PADDING.right, TICK_ROOM.x * enlarge);
    return source.axis.ticks(source.view(), count);
  };
  return {
    width: Math.max(source.size().width, 100),
    height: Math.max(source.size().height, 60),
    padding: [PADDING.top, lastLabelRoom, 0, 0],
    legend: none,
    series: [{}, { scale: "y", paths: () => null, points: none }],
    scales: {
      x: { time: false, range: source.view },
      y: { range: () => [toAxis(source.values()[0]), toAxis(source.values()[1])] },
    },
    axes: [
      {
        size: axis.height,
        gap: 5,
        font: source.font,
        stroke: () => source.tokens().muted,
        grid: none,
        ticks: none,
        splits: stepTicksNow,
        values: (_, splits) => source.axis.labels(splits),
      },
      {
        scale: "y",
        size: axis.width,
        gap: 7,
        font: source.font,
        stroke: () => source.tokens().muted,
        grid: { stroke: () => source.tokens().hairline, width: 1 },
        ticks: none,
        splits: valueTicks,
        values: (_, splits) => formatTicks(splits.map(fromAxis), source.format),
      },
    ],
    cursor: {
      y: false,
      points: none,
      drag: { x: true, y: false, setScale: false, dist: 5 },
      bind: {
        dblclick: () => () => {
          source.onDoubleClick();
          return null;
        },
      },
    },
    hooks: {
      draw: [(plot) => source.onDraw(plot)],
      setCursor: [(plot) => source.onCursor(plot)],
      setSelect: [(plot) => source.onSelect(plot)],
    },
  };
}

/** Without the dust of 10 ** log10(v). */
const tidy = (v: number): number => Number(v.toPrecision(12));
