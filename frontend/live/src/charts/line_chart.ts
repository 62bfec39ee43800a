/** A time chart of one or two columns for all runs: uPlot gives axes, cursor and selection; the lines are ours. */

import uPlot from "uplot";
import { formatTick } from "../look/format.ts";
import { TOKENS, tokenVariables } from "../look/palette.ts";
import { GrowingBounds, type Range, type Scale } from "./axis.ts";
import { enlargement } from "./enlarge.ts";
import type { Exported } from "./figure.ts";
import { Ground } from "./ground.ts";
import { ChartHeader } from "./header.ts";
import { HoverTable, titleOf } from "./hover.ts";
import { chartKeys } from "./keys.ts";
import { lineExport, withDrawnRows } from "./line_figure.ts";
import type { LineChartOptions } from "./line_options.ts";
import { paintLines } from "./line_paint.ts";
import { type Frame, xOf } from "./line_shape.ts";
import { AXIS_HEIGHT, AXIS_WIDTH, plotOptions } from "./plot_options.ts";
import { RunLines } from "./run_lines.ts";
import { Settled } from "./settled.ts";
import { signature } from "./signature.ts";
import type { Chart, Scene } from "./types.ts";
import { STEPS, snapped, type XAxis } from "./x_axis.ts";

const SMALLEST_ZOOM = 2;

export class LineChart implements Chart {
  /** Place for the caller's own small controls at the right of the title. */
  readonly aside: HTMLElement;
  private readonly root = document.createElement("section");
  private readonly plotHost = document.createElement("div");
  private readonly empty = document.createElement("div");
  private readonly header: ChartHeader;
  private readonly hover: HoverTable;
  private readonly plot: uPlot;
  private readonly observer: ResizeObserver;
  private readonly lines: RunLines;
  private readonly bounds = new GrowingBounds();
  private readonly settled = new Settled(() => this.scene && this.paintOnAxes(this.scene));
  /** Axes and grid as uPlot drew them last, and what they depend on. */
  private readonly axes = document.createElement("canvas");
  private drawnAxes = "";
  private scene: Scene | null = null;
  private drawnSignature = "";
  private readonly grounds = new Ground();
  private ground = TOKENS.light.page;
  private scale: Scale;
  private zoom: Range | null = null;
  private view: Range = [0, 1];
  private values: Range = [0, 1];
  private hoverStep: number | null = null;
  private described = Number.NEGATIVE_INFINITY;
  private readonly axis: XAxis;
  private following = false;

  /** Size of the unit that lines are drawn in, in CSS pixels. */
  private readonly unit: number;

  constructor(
    host: HTMLElement,
    private readonly options: LineChartOptions,
  ) {
    this.unit = enlargement(host);
    this.scale = options.scale;
    this.axis = options.axis ?? STEPS;
    this.lines = new RunLines(options.columns, options.window ?? 0);
    this.root.className = "chart";
    this.root.tabIndex = 0;
    this.root.setAttribute("role", "group");
    this.header = new ChartHeader(this.root, {
      title: options.title,
      note: options.note ?? (options.window ? `mean of ${options.window} steps` : ""),
      onScale: options.onScale && ((scale) => this.chooseScale(scale)),
      onReset: () => this.resetZoom(),
    });
    this.header.show(this.scale, false);
    this.aside = this.header.aside;
    this.plotHost.className = "chart-plot";
    this.empty.className = "chart-empty";
    this.empty.hidden = true;
    this.plotHost.append(this.empty);
    this.root.append(this.plotHost);
    host.append(this.root);
    this.hover = new HoverTable(this.root);
    const nothing: uPlot.AlignedData = [
      [0, 1],
      [null, null],
    ];
    this.plot = new uPlot(this.plotOptions(), nothing, this.plotHost);
    this.root.addEventListener("keydown", (event) => this.key(event));
    this.root.addEventListener("focus", () => this.describe(true));
    this.root.addEventListener("blur", () => this.moveHover(null));
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(this.plotHost);
    // Labels drawn before the page's font was there are drawn again in it.
    void document.fonts?.ready.then(() => {
      this.drawnAxes = "";
      if (this.root.isConnected) this.redraw();
    });
  }

  update(scene: Scene): void {
    const now = signature(scene);
    if (now === this.drawnSignature) return;
    const before = this.scene;
    if (before?.theme !== scene.theme) {
      this.root.style.cssText = tokenVariables(scene.theme);
      this.described = Number.NEGATIVE_INFINITY;
    }
    if (before !== null && (before.rows !== scene.rows || scene.head < before.head)) {
      this.lines.clear();
      this.settled.forget();
      this.bounds.reset();
      // Other rows of the same steps are looked at where one was looking.
      if (this.zoom !== null && this.zoom[1] > Math.max(scene.steps, scene.head)) this.zoom = null;
      this.header.show(this.scale, this.zoom !== null);
    } else if (before?.runs.some((r) => !scene.runs.some((s) => s.id === r.id))) {
      this.bounds.reset();
    }
    this.drawnSignature = now;
    this.scene = scene;
    this.redraw();
  }

  /** Switch between log and linear without telling `onScale`. */
  setScale(scale: Scale): void {
    if (scale === this.scale) return;
    this.scale = scale;
    this.bounds.reset();
    this.header.show(scale, this.zoom !== null);
    this.redraw();
  }

  get zoomed(): boolean {
    return this.zoom !== null;
  }

  resetZoom(): void {
    this.zoomTo(null);
  }

  /** `whose`: with the rows that are drawn, for a chart whose rows are made here. */
  exported(whose?: string): Exported | null {
    const { scene, lines, view, values, scale, axis, ground } = this;
    if (scene === null) return null;
    const found = lineExport(scene, this.options, { lines, view, values, scale, axis, ground });
    const by = whose ?? (this.options.columns.some(({ made }) => made) ? "run" : undefined);
    return by === undefined ? found : withDrawnRows(found, scene, by, axis.name, view);
  }

  destroy(): void {
    this.observer.disconnect();
    this.settled.stop();
    this.plot.destroy();
    this.root.remove();
  }

  private chooseScale(scale: Scale): void {
    this.setScale(scale);
    this.options.onScale?.(scale);
  }

  private zoomTo(range: Range | null): void {
    const { unit } = this.axis;
    const full: Range = [0, Math.max(unit, this.scene?.steps ?? unit)];
    const from = range === null ? 0 : Math.max(0, snapped(range[0], this.axis));
    const to = range === null ? full[1] : Math.min(full[1], snapped(range[1], this.axis));
    this.zoom =
      to - from < SMALLEST_ZOOM * unit || (from === 0 && to === full[1]) ? null : [from, to];
    this.bounds.reset();
    this.header.show(this.scale, this.zoom !== null);
    this.redraw();
  }

  private resize(): void {
    const { clientWidth: width, clientHeight: height } = this.plotHost;
    if (width < AXIS_WIDTH + 30 || height < AXIS_HEIGHT + 20) return;
    if (width === this.plot.width && height === this.plot.height) return;
    this.plot.setSize({ width, height });
    this.redraw();
  }

  /** Everything that depends on the scene, then uPlot's own redraw, which calls `paint`. */
  private redraw(): void {
    const scene = this.scene;
    if (scene === null) return;
    this.view = this.zoom ?? [0, Math.max(this.axis.unit, scene.steps, scene.head)];
    this.lines.feed(scene, this.view, Math.max(1, Math.round(this.plot.bbox.width)));
    this.values = this.lines.bounds(scene, this.scale, this.options.range, this.bounds);
    const words = scene.rows.waiting || (this.options.empty ?? "no rows yet");
    this.sayEmpty(this.lines.empty(scene) ? words : "");
    this.describe(false);
    const axes = this.axesKey(scene);
    // Axes grow in steps: between these, uPlot has nothing to do.
    if (axes === this.drawnAxes) this.paintOnAxes(scene);
    else {
      this.drawnAxes = axes;
      this.plot.setData(
        [
          [this.view[0], this.view[1]],
          [null, null],
        ],
        true,
      );
    }
    if (this.hoverStep !== null) this.showHover();
  }

  /** Words in the place of lines; whatever is written makes the browser lay out the page. */
  private sayEmpty(words: string): void {
    if (this.empty.textContent === words) return;
    this.empty.textContent = words;
    this.empty.hidden = words === "";
  }

  private frame(): Frame {
    const { bbox } = this.plot;
    const ratio = (this.plot.ctx.canvas.width / this.plot.width || 1) * this.unit;
    return {
      width: bbox.width / ratio,
      height: bbox.height / ratio,
      ratio,
      x: this.view,
      y: this.values,
      scale: this.scale,
    };
  }

  /** Called by uPlot once it has drawn its axes. */
  private paint(plot: uPlot): void {
    if (this.scene === null) return;
    const { canvas } = plot.ctx;
    [this.axes.width, this.axes.height] = [canvas.width, canvas.height];
    this.axes.getContext("2d")?.drawImage(canvas, 0, 0);
    this.paintLines(plot, this.scene);
  }

  private paintOnAxes(scene: Scene): void {
    const { ctx } = this.plot;
    ctx.save();
    ctx.setTransform(1, 0, 0, 1, 0, 0);
    ctx.clearRect(0, 0, ctx.canvas.width, ctx.canvas.height);
    ctx.drawImage(this.axes, 0, 0);
    ctx.restore();
    this.paintLines(this.plot, scene);
  }

  /** All that axes and grid depend on. */
  private axesKey(scene: Scene): string {
    const { width, height, ctx } = this.plot;
    const size = [width, height, ctx.canvas.width, ctx.canvas.height];
    return [...size, ...this.view, ...this.values, this.scale, scene.theme].join();
  }

  private paintLines(plot: uPlot, scene: Scene): void {
    const frame = this.frame();
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.setTransform(frame.ratio, 0, 0, frame.ratio, bbox.left, bbox.top);
    paintLines(
      ctx,
      frame,
      scene,
      this.lines.ordered(scene),
      {
        ...TOKENS[scene.theme],
        page: this.ground,
      },
      this.settled,
    );
    ctx.restore();
  }

  private key(event: KeyboardEvent): void {
    const scene = this.scene;
    if (scene === null || event.target !== this.root) return;
    const action = chartKeys(
      event,
      this.hoverStep,
      scene.cursor ?? scene.head,
      this.view,
      this.axis.unit,
    );
    if (action === null) return;
    event.preventDefault();
    event.stopPropagation();
    if (action.zoom === "reset") this.resetZoom();
    else if (action.zoom !== undefined) this.zoomTo(action.zoom);
    if (action.hover !== undefined) this.moveHover(action.hover);
  }

  private moveHover(step: number | null): void {
    const left = step === null ? -10 : xOf(this.frame(), step);
    const top = step === null ? -10 : this.frame().height / 2;
    this.plot.setCursor({ left: left * this.unit, top: top * this.unit });
    // The pixel under the cursor may round to a neighbouring step; the keyboard means this one.
    this.hoverStep = step;
    this.showHover();
  }

  private onCursor(plot: uPlot): void {
    const left = (plot.cursor.left ?? -10) / this.unit;
    const scene = this.scene;
    if (left < 0 || scene === null) {
      this.hoverStep = null;
    } else {
      const frame = this.frame();
      const { unit } = this.axis;
      const at = this.view[0] + (left / frame.width) * (this.view[1] - this.view[0]);
      this.hoverStep = Math.min(Math.max(unit, snapped(at, this.axis)), Math.max(unit, scene.head));
    }
    this.showHover();
  }

  /** Shows what another chart's pointer is at; null is nowhere. */
  point(x: number | null): void {
    if (this.scene === null || this.hoverStep === x) return;
    this.following = true;
    this.moveHover(x);
    this.following = false;
  }

  private showHover(): void {
    const { hoverStep: step, scene, plot } = this;
    if (!this.following) this.options.onHover?.(step);
    if (step === null || scene === null || scene.runs.length === 0) {
      this.hover.hide();
      return;
    }
    const frame = this.frame();
    const inset = { x: plot.bbox.left / frame.ratio, y: plot.bbox.top / frame.ratio };
    const offset = { x: inset.x, y: inset.y + this.plotHost.offsetTop / this.unit };
    const x = Math.max(0, plot.cursor.left ?? 0) / this.unit;
    const y = Math.max(0, plot.cursor.top ?? 0) / this.unit;
    const marks = scene.marks.filter((m) => Math.abs(xOf(frame, m.step) - x) <= 5);
    const rows = this.lines.read(scene, step, frame, offset.y, this.options.format);
    const content = {
      title: titleOf(step, rows, this.axis),
      labels: this.options.columns.length > 1 ? this.options.columns.map((c) => c.label) : [],
      rows,
      marks: marks.map((m) => m.text),
    };
    this.hover.show(content, (offset.x + x) * this.unit, (offset.y + y) * this.unit);
  }

  /** The chart in words, and the ground it stands on; at most once a second while it runs. */
  private describe(atOnce: boolean): void {
    const scene = this.scene;
    if (scene === null || (!atOnce && performance.now() - this.described < 1000)) return;
    this.described = performance.now();
    this.ground = this.grounds.of(this.root, TOKENS[scene.theme].page);
    this.empty.style.background = this.ground;
    const step = scene.cursor ?? scene.head;
    const runs = this.lines
      .read(scene, step, this.frame(), 0, this.options.format)
      .map((row) => `${row.name} ${row.values[0]}`);
    const unit = this.options.unit ? ` in ${this.options.unit}` : "";
    const span = `from ${formatTick(this.values[0])} to ${formatTick(this.values[1])}`;
    const label = `${this.options.title}${unit}, ${this.scale} scale ${span}, ${this.axis.name} ${this.axis.format(step)}: ${runs.join("; ")}`;
    this.root.setAttribute("aria-label", label);
  }

  private plotOptions(): uPlot.Options {
    return plotOptions({
      font: `${Math.round(12 * this.unit)}px ${getComputedStyle(this.root).fontFamily || "sans-serif"}`,
      enlarge: this.unit,
      format: this.options.format,
      tokens: () => TOKENS[this.scene?.theme ?? "light"],
      view: () => this.view,
      values: () => this.values,
      axis: this.axis,
      scale: () => this.scale,
      // Asked for in every frame: the host's own size would make the browser lay out the page.
      size: () => this.plot ?? { width: 0, height: 0 },
      onDraw: (plot) => this.paint(plot),
      onCursor: (plot) => this.onCursor(plot),
      onSelect: (plot) => this.onSelect(plot),
      onDoubleClick: () => this.resetZoom(),
    });
  }

  private onSelect(plot: uPlot): void {
    const [left, width] = [plot.select.left / this.unit, plot.select.width / this.unit];
    if (width < 4) return;
    const perPixel = (this.view[1] - this.view[0]) / this.frame().width;
    const from = this.view[0] + left * perPixel;
    plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    this.zoomTo([from, from + width * perPixel]);
  }
}
