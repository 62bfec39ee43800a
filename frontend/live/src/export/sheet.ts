/** A figure with its title, legend, axes and source, ready to be painted on any context. */

import type { Figure, FigureAxis } from "../charts/figure.ts";
import { formatStep } from "../look/format.ts";
import { drawGlyph } from "../look/glyphs.ts";
import { runStyle, TOKENS } from "../look/palette.ts";

const MARGIN = 16;
const TITLE = 26;
const ROW = 20;
const GLYPH = 5;
const GAP = 18;
const BELOW = 20;
const SOURCE = 20;
const SIZES = { title: 15, text: 12, source: 11 };

export interface Sheet {
  width: number;
  height: number;
  title: string;
  /** The place of the drawing itself. */
  left: number;
  top: number;
  paint(context: CanvasRenderingContext2D, cursor?: number | null): void;
}

interface Item {
  x: number;
  y: number;
  slot: number;
  name: string;
}

/**
 * @param source where it comes from, in a line below
 * @param family of the letters
 * @param last the last step that `paint` will be asked for as a cursor; 0 if for none
 */
export function sheetOf(figure: Figure, source: string, family: string, last = 0): Sheet {
  const font = (size: number, weight = "normal") => `${weight} ${size}px ${family}`;
  const width = (text: string) => widthOf(text, font(SIZES.text));
  const axisWidth = figure.y
    ? Math.max(20, ...figure.y.ticks.map((tick) => width(tick.label) + 8)) +
      (figure.y.name ? 18 : 0)
    : 0;
  const left = MARGIN + axisWidth;
  const items = legendOf(figure, left, left + figure.width, width);
  const titleWidth = widthOf(figure.title, font(SIZES.title, "600"));
  const step = last > 0 ? width(stepWords(last)) + 14 : 0;
  const room = figure.width - titleWidth - 10 - step;
  const below = figure.note ? width(figure.note) > room : false;
  const note = fitted(figure.note ?? "", below ? figure.width : room, width);
  const legend = items.length > 0 ? Math.max(...items.map((item) => item.y)) + 1 : 0;
  const first = below ? 1 : 0;
  const rows = legend + first;
  const top = MARGIN + TITLE + rows * ROW + (rows > 0 ? 8 : 0);
  const belowAxis = figure.x ? BELOW + (figure.x.name ? 16 : 0) : 0;
  const height = top + figure.height + belowAxis + SOURCE + MARGIN;
  const tokens = TOKENS[figure.theme];
  return {
    width: left + figure.width + MARGIN + 4,
    height,
    title: figure.title,
    left,
    top,
    paint(context, cursor) {
      context.fillStyle = figure.ground;
      context.fillRect(0, 0, this.width, height);
      context.textBaseline = "alphabetic";
      context.textAlign = "left";
      context.font = font(SIZES.title, "600");
      context.fillStyle = tokens.ink;
      context.fillText(figure.title, left, MARGIN + 14);
      if (note) {
        context.font = font(SIZES.text);
        context.fillStyle = tokens.muted;
        if (below) context.fillText(note, left, MARGIN + TITLE + 10);
        else context.fillText(note, left + titleWidth + 10, MARGIN + 14);
      }
      context.font = font(SIZES.text);
      if (cursor !== undefined && cursor !== null) {
        context.textAlign = "right";
        context.fillStyle = tokens.ink;
        context.fillText(stepWords(cursor), left + figure.width, MARGIN + 14);
        context.textAlign = "left";
      }
      for (const { x, y, slot, name } of items) {
        const middle = MARGIN + TITLE + (first + y) * ROW + 8;
        drawGlyph(
          context,
          runStyle(slot, figure.theme),
          x + GLYPH,
          middle,
          GLYPH,
          figure.ground,
          0,
        );
        context.fillStyle = tokens.ink;
        context.fillText(name, x + 2 * GLYPH + 6, middle + 4);
      }
      paintAxes(context, figure, left, top, tokens);
      context.save();
      context.translate(left, top);
      // Line charts put heads on their edge; all else ends there.
      if (!figure.grid) {
        context.beginPath();
        context.rect(0, 0, figure.width, figure.height);
        context.clip();
      }
      context.textAlign = "start";
      figure.paint(context, cursor);
      context.restore();
      context.textAlign = "left";
      context.textBaseline = "alphabetic";
      context.font = font(SIZES.source);
      context.fillStyle = tokens.muted;
      context.fillText(source, left, height - MARGIN + 4);
    },
  };
}

function stepWords(step: number): string {
  return `step ${formatStep(step)}`;
}

function paintAxes(
  context: CanvasRenderingContext2D,
  figure: Figure,
  left: number,
  top: number,
  tokens: { muted: string; hairline: string },
): void {
  context.fillStyle = tokens.muted;
  context.strokeStyle = tokens.hairline;
  context.lineWidth = 1;
  const bottom = top + figure.height;
  const name = (axis: FigureAxis | undefined) => axis?.name ?? "";
  for (const { at, label } of figure.y?.ticks ?? []) {
    const y = top + at;
    if (figure.grid) {
      context.beginPath();
      context.moveTo(left, y);
      context.lineTo(left + figure.width, y);
      context.stroke();
    }
    context.textAlign = "right";
    context.fillText(label, left - 8, y + 4);
  }
  context.textAlign = "center";
  for (const { at, label } of figure.x?.ticks ?? [])
    context.fillText(label, left + at, bottom + 17);
  if (name(figure.x)) context.fillText(name(figure.x), left + figure.width / 2, bottom + 33);
  if (name(figure.y)) {
    context.save();
    context.translate(MARGIN + 8, top + figure.height / 2);
    context.rotate(-Math.PI / 2);
    context.fillText(name(figure.y), 0, 0);
    context.restore();
  }
}

/** Names in rows between two edges; `y` counts rows. */
function legendOf(
  figure: Figure,
  from: number,
  to: number,
  width: (text: string) => number,
): Item[] {
  const items: Item[] = [];
  let [x, y] = [from, 0];
  for (const { slot, name } of figure.runs) {
    const needed = 2 * GLYPH + 6 + width(name);
    if (x > from && x + needed > to) [x, y] = [from, y + 1];
    items.push({ x, y, slot, name });
    x += needed + GAP;
  }
  return items;
}

/** As much of a text as has room. */
function fitted(text: string, room: number, width: (text: string) => number): string {
  if (width(text) <= room) return text;
  let n = text.length;
  while (n > 0 && width(`${text.slice(0, n)}…`) > room) n -= 1;
  return n > 0 ? `${text.slice(0, n).trimEnd()}…` : "";
}

let measuring: CanvasRenderingContext2D | null = null;

function widthOf(text: string, font: string): number {
  measuring ??= document.createElement("canvas").getContext("2d");
  if (measuring === null) return 6.5 * text.length;
  measuring.font = font;
  return measuring.measureText(text).width;
}
