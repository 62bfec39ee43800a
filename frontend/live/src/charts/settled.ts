/** The part of a chart's lines that no longer changes, kept as a picture: new rows move their ends only. */

import { between } from "./between.ts";
import type { Overlap } from "./coincide.ts";
import type { Frame } from "./line_shape.ts";

export interface Painters {
  /** Paints all on a context like the chart's own, a part at a step; says what each line lies on. */
  whole(on: CanvasRenderingContext2D): Iterator<void, Overlap[][]>;
  /**
   * Paints on the chart what begins at a pixel column (device pixels), or a little before it.
   *
   * @param covers what each line lies on, as of the last whole picture
   */
  tail(column: number, covers: readonly Overlap[][]): void;
}

/** What a picture depends on besides new rows. */
export interface Basis {
  /** Where this changes, the picture is another one. */
  look: string;
  /** Where this alone changes, the same rows stand behind other points. */
  points: string;
}

/** Ends longer than this (device pixels) are painted anew with all the rest, far longer ones at once. */
const LONG = 16;
const LONGEST = 64;
/** Strokes reach so far (CSS pixels) beyond the columns of their rows. */
const REACH = 3;
/** Room around the plot area for them. */
const MARGIN = 4;
/** So many drawings in a row with the same points, and they are taken to be the last ones. */
const CALM = 3;
const AGAIN_MS = 50;

interface Picture {
  canvas: HTMLCanvasElement;
  context: CanvasRenderingContext2D | null;
  points: string;
  /** The pixel column up to which no row will come. */
  column: number;
  covers: Overlap[][];
}

/**
 * The picture stays as it is where only its points are others, or its end has become long, until
 * the next one is painted, a line at a time.
 */
export class Settled {
  private look = "";
  private shown: Picture | null = null;
  private next: { points: string; end: () => void } | null = null;
  /** The points that were seen last, and in how many drawings. */
  private seen = { points: "", times: 0 };
  private timer: ReturnType<typeof setTimeout> | undefined;

  /** @param again the chart is to be drawn once more, though no row has come */
  constructor(private readonly again: () => void = () => undefined) {}

  /** @param newest pixel column (device pixels) up to which no row will come */
  paint(
    context: CanvasRenderingContext2D,
    frame: Frame,
    basis: Basis,
    newest: number,
    painters: Painters,
  ): void {
    const { shown } = this;
    const long = newest - (shown?.column ?? 0);
    if (shown === null || basis.look !== this.look || long < 0 || long > LONGEST) {
      this.stop();
      this.look = basis.look;
      this.shown = pictureOf(frame, basis.points, newest);
      if (this.shown.context) this.shown.covers = all(painters.whole(this.shown.context));
    } else if (basis.points !== shown.points || long > LONG) {
      this.renew(frame, basis.points, newest, painters);
    }
    if (this.shown) copy(context, frame, this.shown, newest, painters);
  }

  /** The lines are others now. */
  forget(): void {
    this.stop();
    this.shown = null;
  }

  /** Nothing is painted between frames any more. */
  stop(): void {
    clearTimeout(this.timer);
    this.next?.end();
    this.next = null;
  }

  private renew(frame: Frame, points: string, newest: number, painters: Painters): void {
    if (this.next?.points === points) return;
    this.stop();
    if (this.seen.points !== points) this.seen = { points, times: 0 };
    this.seen.times += 1;
    if (this.seen.times < CALM) {
      this.timer = setTimeout(this.again, AGAIN_MS);
      return;
    }
    this.next = { points, end: between(this.painted(frame, points, newest, painters)) };
  }

  private *painted(
    frame: Frame,
    points: string,
    newest: number,
    painters: Painters,
  ): Generator<void> {
    const picture = pictureOf(frame, points, newest);
    if (picture.context === null) return;
    const parts = painters.whole(picture.context);
    let part = parts.next();
    for (; part.done !== true; part = parts.next()) {
      flush(picture.canvas);
      yield;
    }
    picture.covers = part.value;
    this.shown = picture;
    this.next = null;
    this.again();
  }
}

/** Takes all parts of a picture at once. */
export function all(parts: Iterator<void, Overlap[][]>): Overlap[][] {
  let part = parts.next();
  while (part.done !== true) part = parts.next();
  return part.value;
}

function pictureOf(frame: Frame, points: string, column: number): Picture {
  const canvas = document.createElement("canvas");
  const pixels = (length: number) => Math.ceil((length + 2 * MARGIN) * frame.ratio);
  [canvas.width, canvas.height] = [pixels(frame.width), pixels(frame.height)];
  const context = canvas.getContext("2d");
  const corner = MARGIN * frame.ratio;
  context?.setTransform(frame.ratio, 0, 0, frame.ratio, corner, corner);
  return { canvas, context, points, column, covers: [] };
}

function copy(
  context: CanvasRenderingContext2D,
  frame: Frame,
  { canvas, column, covers }: Picture,
  newest: number,
  painters: Painters,
): void {
  const { width, height } = frame;
  // Nothing left of here changes when rows come.
  const from = Math.floor(column / frame.ratio) - REACH;
  const whole = () =>
    context.drawImage(canvas, -MARGIN, -MARGIN, width + 2 * MARGIN, height + 2 * MARGIN);
  if (newest < 0) {
    whole();
    return;
  }
  within(context, -MARGIN, from, height, whole);
  within(context, from, width + MARGIN, height, () =>
    painters.tail(Math.max(0, Math.floor((from - REACH) * frame.ratio)), covers),
  );
}

let drain: CanvasRenderingContext2D | null = null;

/** Has the browser draw now what a canvas was told to, which it would do where it is copied. */
function flush(canvas: HTMLCanvasElement): void {
  drain ??= document.createElement("canvas").getContext("2d");
  drain?.drawImage(canvas, 0, 0, 1, 1, 0, 0, 1, 1);
}

function within(
  context: CanvasRenderingContext2D,
  from: number,
  to: number,
  height: number,
  paint: () => void,
): void {
  if (to <= from) return;
  context.save();
  context.beginPath();
  context.rect(from, -MARGIN, to - from, height + 2 * MARGIN);
  context.clip();
  paint();
  context.restore();
}
