/** Canvases on top of each other that fill a host, at the screen's own resolution. */

import { enlargement } from "./enlarge.ts";

export class CanvasStack {
  readonly root = document.createElement("div");
  readonly layers: readonly CanvasRenderingContext2D[];
  width = 0;
  height = 0;
  ratio = 1;
  /** Size of the unit that is drawn in, in CSS pixels. */
  readonly unit: number;
  private readonly observer: ResizeObserver;

  /** @param onResize called after the layers were emptied by a change of size or resolution */
  constructor(
    host: HTMLElement,
    count: number,
    private readonly onResize: () => void,
  ) {
    this.unit = enlargement(host);
    this.root.className = "picture";
    this.layers = Array.from({ length: count }, () => {
      const canvas = document.createElement("canvas");
      const context = canvas.getContext("2d");
      if (context === null) throw new Error("this browser gives no 2d canvas");
      this.root.append(canvas);
      return context;
    });
    host.append(this.root);
    this.observer = new ResizeObserver(() => {
      if (this.fit()) this.onResize();
    });
    this.observer.observe(this.root);
    this.fit();
  }

  /**
   * Take on the screen's resolution before a drawing. The size is watched: to ask for it would make
   * the browser lay out the page, in every frame.
   */
  refit(): void {
    const ratio = (window.devicePixelRatio || 1) * this.unit;
    if (this.width === 0 || ratio !== this.ratio) this.fit();
  }

  /** Take on the host's size and the screen's resolution; true where one changed. */
  private fit(): boolean {
    const width = this.root.clientWidth / this.unit;
    const height = this.root.clientHeight / this.unit;
    const ratio = (window.devicePixelRatio || 1) * this.unit;
    if (width === this.width && height === this.height && ratio === this.ratio) return false;
    [this.width, this.height, this.ratio] = [width, height, ratio];
    for (const { canvas } of this.layers) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    return true;
  }

  layer(index: number): CanvasRenderingContext2D {
    return this.layers[index] as CanvasRenderingContext2D;
  }

  /** Empty a layer and set its unit to the picture's. */
  clear(index: number): CanvasRenderingContext2D {
    const context = this.layer(index);
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, context.canvas.width, context.canvas.height);
    context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    return context;
  }

  /**
   * Show all of a layer weaker, so that what overlaps on it is not stronger than the rest.
   *
   * @returns by how much whoever draws must weaken it on top of that
   */
  fade(index: number, opacity: number): number {
    const { style } = this.layer(index).canvas;
    if (style.opacity !== String(opacity)) style.opacity = String(opacity);
    return 1;
  }

  destroy(): void {
    this.observer.disconnect();
    this.root.remove();
  }
}
