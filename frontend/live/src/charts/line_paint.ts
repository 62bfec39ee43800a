/** Puts lines, heads and marks on the plot area of a line chart. */

import { drawCross, drawGlyph } from "../look/glyphs.ts";
import { type RunStyle, runStyle, type Tokens, withAlpha } from "../look/palette.ts";
import { bandPoints, traceBand } from "./band.ts";
import { type Overlap, overlaps } from "./coincide.ts";
import { type Frame, type LineShape, type Polyline, xOf, yOf } from "./line_shape.ts";
import type { Basis, Settled } from "./settled.ts";
import type { Column, RunView, Scene } from "./types.ts";

/** A line to draw, in drawing order. */
export interface Line {
  run: RunView;
  shape: LineShape;
  /** Drawn weaker: the second column of a chart, e.g. test loss beside train loss. */
  faint: boolean;
  /** The interval behind the line: mean ± factor × spread. */
  around?: { mean: Column; spread: Column; factor: number; window: number } | undefined;
}

/** Dash patterns that let 1, 2, 3 lines below show through in turn. */
const SHOW_THROUGH: readonly { dash: number[]; offset: number }[] = [
  { dash: [8, 8], offset: 0 },
  { dash: [4, 12], offset: -10 },
  { dash: [3, 13], offset: -2.5 },
];
const REPEATED = [6, 3.5];
const WIDTH = 1.8;

interface Styled extends Line {
  style: RunStyle;
  lifted: boolean;
  alpha: number;
}

interface Traced extends Styled {
  main: Polyline;
  raw: Path2D | null;
}

/** Paint everything inside the axes; the context's origin is the plot area's corner. */
export function paintLines(
  context: CanvasRenderingContext2D,
  frame: Frame,
  scene: Scene,
  lines: readonly Line[],
  tokens: Tokens,
  settled: Settled,
): void {
  const now = scene.cursor ?? scene.head;
  context.save();
  context.beginPath();
  context.rect(-2, -3, frame.width + 4, frame.height + 6);
  context.clip();
  settled.paint(context, frame, basisOf(frame, scene, lines, tokens), newestOf(lines), {
    whole: (on) => paintWhole(on, frame, scene, lines, tokens),
    tail: (column, whole) => {
      const traced = lines.map((line) => traceLine(line, frame, scene, column));
      const covers = whole.map((parts) => atEnd(parts, column / frame.ratio));
      for (const _ of paintTraced(context, frame, scene, traced, covers, tokens));
    },
  });
  if (now >= frame.x[0] && now <= frame.x[1] && now > 0) {
    vertical(context, xOf(frame, now), frame.height, withAlpha(tokens.ink, 0.8), 1, []);
  }
  context.restore();
  paintHeads(
    context,
    frame,
    scene,
    lines.map((line) => styled(line, scene)),
    now,
    tokens,
  );
}

function* paintWhole(
  context: CanvasRenderingContext2D,
  frame: Frame,
  scene: Scene,
  lines: readonly Line[],
  tokens: Tokens,
): Generator<void, Overlap[][]> {
  const traced: Traced[] = [];
  for (const line of lines) {
    traced.push(traceLine(line, frame, scene));
    yield;
  }
  const bands = traced.map((line) => line.main.band);
  const covers = overlaps(bands, 1.1);
  yield;
  yield* paintTraced(context, frame, scene, traced, covers, tokens);
  return covers;
}

/** A line with each step. */
function* paintTraced(
  context: CanvasRenderingContext2D,
  frame: Frame,
  scene: Scene,
  traced: readonly Traced[],
  covers: readonly (readonly Overlap[])[],
  tokens: Tokens,
): Generator<void> {
  paintMarks(context, frame, scene, tokens);
  const cut = scene.cursor === null ? frame.width + 4 : xOf(frame, scene.cursor);
  for (const line of traced) paintBand(context, frame, line, cut);
  for (const [k, line] of traced.entries()) {
    const cover = line.lifted || line.faint ? [] : (covers[k] ?? []);
    clipped(context, frame, -4, cut, () => paintLine(context, frame, line, cover, 1));
    if (scene.cursor !== null) {
      clipped(context, frame, cut, frame.width + 4, () => paintLine(context, frame, line, [], 0.2));
    }
    yield;
  }
  for (const line of traced) paintFork(context, frame, line, tokens);
}

/** All that lines look like, but for the rows that are added at their ends. */
function basisOf(frame: Frame, scene: Scene, lines: readonly Line[], tokens: Tokens): Basis {
  const runs = lines.map(
    ({ run, shape, faint }) => `${run.id}/${run.slot}/${run.from ?? 0}/${shape.first}/${faint}`,
  );
  const marks = scene.marks.map((mark) => `${mark.step}/${mark.run}`);
  const look = [
    [frame.width, frame.height, frame.ratio, ...frame.x, ...frame.y, frame.scale].join(),
    [scene.theme, tokens.page, scene.lifted, scene.cursor, scene.smoothing].join(),
    runs.join(),
    marks.join(),
  ].join("|");
  const points = lines.map(({ shape, around }) => `${shape.state}/${around?.mean.generation}`);
  return { look, points: points.join() };
}

/** The pixel column up to which no line will change. */
function newestOf(lines: readonly Line[]): number {
  const newest = lines.map(({ shape }) => shape.newest).filter((column) => column >= 0);
  return newest.length > 0 ? Math.min(...newest) : -1;
}

/** What a line lies on at its end, as far as it goes. */
function atEnd(parts: readonly Overlap[], from: number): Overlap[] {
  return parts.filter(({ to }) => to >= from).map((part) => ({ ...part, to: Infinity }));
}

function styled(line: Line, scene: Scene): Styled {
  const lifted = line.run.id === scene.lifted;
  const faded = scene.lifted !== null && !lifted;
  const alpha = (faded ? 0.45 : 1) * (line.faint ? 0.5 : 1);
  return { ...line, style: runStyle(line.run.slot, scene.theme), lifted, alpha };
}

function traceLine(line: Line, frame: Frame, scene: Scene, column = -1): Traced {
  const { main, raw } = line.shape.trace(frame, line.run.from, column);
  return { ...styled(line, scene), main, raw };
}

function paintLine(
  context: CanvasRenderingContext2D,
  frame: Frame,
  line: Traced,
  cover: readonly { from: number; to: number; level: number }[],
  strength: number,
): void {
  context.strokeStyle = line.style.color;
  context.lineJoin = "round";
  context.lineCap = "round";
  const base = line.style.dashed ? REPEATED : [];
  if (line.raw !== null) {
    context.setLineDash([]);
    context.globalAlpha = 0.22 * line.alpha * strength;
    context.lineWidth = 1;
    context.stroke(line.raw);
  }
  context.globalAlpha = line.alpha * strength;
  context.lineWidth = line.faint ? 1.2 : line.lifted ? 2.8 : WIDTH;
  if (line.style.dashed) context.lineCap = "butt";
  context.setLineDash(base);
  if (cover.length === 0) {
    context.stroke(line.main.path);
  } else {
    let from = -4;
    for (const part of cover) {
      clipped(context, frame, from, part.from, () => context.stroke(line.main.path));
      from = part.to;
    }
    clipped(context, frame, from, frame.width + 4, () => context.stroke(line.main.path));
    context.lineWidth = WIDTH - 0.2;
    context.lineCap = "butt";
    for (const part of cover) {
      const pattern = SHOW_THROUGH[(part.level - 1) % SHOW_THROUGH.length];
      if (pattern === undefined) continue;
      context.setLineDash(pattern.dash);
      context.lineDashOffset = pattern.offset;
      clipped(context, frame, part.from, part.to, () => context.stroke(line.main.path));
      context.lineDashOffset = 0;
    }
  }
  context.globalAlpha = 1;
  context.setLineDash([]);
}

/** Pale enough that several on top of each other still are. */
const BAND_ALPHA = 0.15;

function paintBand(
  context: CanvasRenderingContext2D,
  frame: Frame,
  line: Traced,
  cut: number,
): void {
  const { around } = line;
  if (around === undefined) return;
  const path = traceBand(bandPoints(frame, { ...around, from: line.run.from }));
  context.fillStyle = line.style.color;
  context.globalAlpha = BAND_ALPHA * line.alpha;
  clipped(context, frame, -4, cut, () => context.fill(path));
  context.globalAlpha = 1;
}

/** A small ring where a fork leaves the line that it comes from. */
function paintFork(
  context: CanvasRenderingContext2D,
  frame: Frame,
  line: Traced,
  tokens: Tokens,
): void {
  const from = line.run.from ?? 0;
  const point = from > 0 && !line.faint ? line.shape.head(from) : undefined;
  if (point === undefined) return;
  context.globalAlpha = line.alpha;
  context.beginPath();
  context.arc(xOf(frame, point.step), yOf(frame, point.drawn), 3, 0, 2 * Math.PI);
  context.fillStyle = tokens.page;
  context.fill();
  context.lineWidth = 1.5;
  context.strokeStyle = line.style.color;
  context.stroke();
  context.globalAlpha = 1;
}

function clipped(
  context: CanvasRenderingContext2D,
  frame: Frame,
  from: number,
  to: number,
  paint: () => void,
): void {
  if (to <= from) return;
  context.save();
  context.beginPath();
  context.rect(from, -4, to - from, frame.height + 8);
  context.clip();
  paint();
  context.restore();
}

function paintMarks(
  context: CanvasRenderingContext2D,
  frame: Frame,
  scene: Scene,
  tokens: Tokens,
): void {
  for (const mark of scene.marks) {
    if (mark.step < frame.x[0] || mark.step > frame.x[1]) continue;
    const run = scene.runs.find((r) => r.id === mark.run);
    const color = run === undefined ? tokens.muted : runStyle(run.slot, scene.theme).color;
    vertical(context, xOf(frame, mark.step), frame.height, withAlpha(color, 0.75), 1.2, [1.5, 3.5]);
  }
}

function vertical(
  context: CanvasRenderingContext2D,
  x: number,
  height: number,
  color: string,
  width: number,
  dash: number[],
): void {
  context.beginPath();
  context.moveTo(Math.round(x) + 0.5, 0);
  context.lineTo(Math.round(x) + 0.5, height);
  context.setLineDash(dash);
  context.lineCap = "butt";
  context.lineWidth = width;
  context.strokeStyle = color;
  context.stroke();
  context.setLineDash([]);
}

const RADIUS = 3.9;
const SPACING = 9;

/** Glyphs on the heads; those that would cover one another stand side by side. */
function paintHeads(
  context: CanvasRenderingContext2D,
  frame: Frame,
  scene: Scene,
  lines: readonly Styled[],
  now: number,
  tokens: Tokens,
): void {
  const taken: { x: number; y: number }[] = [];
  const ordered = [...lines].filter((line) => !line.faint).reverse();
  const places: { line: Styled; x: number; y: number; cross: boolean }[] = [];
  for (const line of ordered) {
    // Before its first step of its own, the run it comes from is there.
    if (now < (line.run.from ?? 0)) continue;
    const diverged = line.run.divergedStep;
    const cross = diverged !== null && diverged <= now;
    const head = line.shape.head(cross ? diverged : now);
    if (head === undefined || head.step < frame.x[0] || head.step > frame.x[1]) continue;
    const y = Math.min(frame.height, Math.max(0, yOf(frame, head.drawn)));
    const x = placeBeside(taken, xOf(frame, head.step), y, frame.width);
    taken.push({ x, y });
    places.push({ line, x, y, cross });
  }
  for (const { line, x, y, cross } of places.reverse()) {
    context.globalAlpha = line.lifted || scene.lifted === null ? 1 : 0.6;
    if (cross) drawCross(context, line.style.color, x, y, 4, tokens.page);
    else
      drawGlyph(context, line.style, x, y, line.lifted ? RADIUS + 0.8 : RADIUS, tokens.page, 1.2);
    context.globalAlpha = 1;
  }
}

/** The nearest free place at this height: at x, else to the right while there is room, else left. */
export function placeBeside(
  taken: readonly { x: number; y: number }[],
  x: number,
  y: number,
  width: number,
): number {
  const free = (at: number) =>
    taken.every((t) => Math.abs(t.x - at) >= SPACING - 0.5 || Math.abs(t.y - y) >= SPACING - 2);
  for (let k = 0; k < 16; k++) {
    const right = x + k * SPACING;
    if (right <= width + RADIUS + 1 && free(right)) return right;
  }
  for (let k = 1; k < 16; k++) {
    const left = x - k * SPACING;
    if (left >= 0 && free(left)) return left;
  }
  return x;
}
