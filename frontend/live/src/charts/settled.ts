/** The part of a chart's lines that no longer changes, kept as a picture: new rows move their ends only. */

import type { Overlap } from "./coincide.ts";
import type { Frame } from "./line_shape.ts";

export interface Painters {
  /** Paints all, on a context like the chart's own. */
  whole(on: CanvasRenderingContext2D): void;
  /** Paints on the chart what begins at a pixel column (device pixels), or a little before it. */
  tail(column: number): void;
}

/** Ends longer than this (device pixels) are painted anew with all the rest. */
const LONGEST = 16;
/** Strokes reach so far (CSS pixels) beyond the columns of their rows. */
const REACH = 3;
/** Room around the plot area for them. */
const MARGIN = 4;

export class Settled {
  /** What each line lies on, as of the last whole picture. */
  covers: Overlap[][] = [];
  private readonly canvas = document.createElement("canvas");
  private key = "";
  private column = -1;

  /**
   * @param key changes with whatever the picture depends on besides new rows
   * @param newest pixel column (device pixels) up to which no row will come
   */
  paint(
    context: CanvasRenderingContext2D,
    frame: Frame,
    key: string,
    newest: number,
    painters: Painters,
  ): void {
    if (key !== this.key || newest < this.column || newest - this.column > LONGEST) {
      this.repaint(frame, painters);
      this.key = key;
      this.column = newest;
    }
    const { width, height } = frame;
    // Nothing left of here changes when rows come.
    const from = Math.floor(this.column / frame.ratio) - REACH;
    const copy = () =>
      context.drawImage(this.canvas, -MARGIN, -MARGIN, width + 2 * MARGIN, height + 2 * MARGIN);
    if (newest < 0) {
      copy();
      return;
    }
    within(context, -MARGIN, from, height, copy);
    within(context, from, width + MARGIN, height, () =>
      painters.tail(Math.max(0, Math.floor((from - REACH) * frame.ratio))),
    );
  }

  private repaint(frame: Frame, painters: Painters): void {
    const pixels = (length: number) => Math.ceil((length + 2 * MARGIN) * frame.ratio);
    this.canvas.width = pixels(frame.width);
    this.canvas.height = pixels(frame.height);
    const on = this.canvas.getContext("2d");
    if (on === null) return;
    const corner = MARGIN * frame.ratio;
    on.setTransform(frame.ratio, 0, 0, frame.ratio, corner, corner);
    painters.whole(on);
  }
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
