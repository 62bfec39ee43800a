/** Paths through parameter space in a plane, over the contours of the loss; equal units on both axes. */

import { formatValue } from "../look/format.ts";
import { TOKENS, withAlpha } from "../look/palette.ts";
import { niceStep } from "./axis.ts";
import { ContourLines, type LossGrid } from "./contour_lines.ts";
import type { DrawnTable, Exported, Figure, StoredData } from "./figure.ts";
import { axisOf } from "./figure_axis.ts";
import { Glide } from "./glide.ts";
import { Ground } from "./ground.ts";
import { headsOf, paintHead } from "./heads.ts";
import { GROUND, PATHS, PathPicture, TAILS, TOP } from "./path_picture.ts";
import { PlaneBounds, type PlaneView, roundView } from "./plane_bounds.ts";
import { blend, PLACE, Projected, type Projection, RANDOM, turnBetween } from "./projected.ts";
import type { Place } from "./trail.ts";
import type { Scene } from "./types.ts";

/** A loss that was computed over a plane. */
export interface Contours {
  grid: LossGrid;
  /** The plane it lies in; null for one of its own around a run. */
  plane: Projection | null;
}

/** What is drawn beside the rows. */
export interface Look {
  plane: Projection;
  contours: Contours | null;
  /** The run in the middle of a plane of its own; null where paths are drawn. */
  around: string | null;
  /** Said to those who do not see the picture. */
  words: string;
}

/** More places than this are not moved along, they are where they belong at once. */
const MOST_MOVED = 200_000;
/** A contour is drawn weaker where less than this share of the plane is still the one it lies in. */
const SAME_PLANE = 0.9;
/** And where it takes less than this share of the picture's width. */
const SMALL_PART = 0.3;

export class Trajectories extends PathPicture {
  private readonly bounds = new PlaneBounds(PLACE[0], PLACE[1]);
  private readonly glide = new Glide(() => this.draw());
  private readonly ground = new Ground();
  private look: Look = { plane: RANDOM, contours: null, around: null, words: "" };
  private lines: { of: LossGrid; lines: ContourLines } | null = null;
  /** Rows in the plane that is looked at, and the one and the view that the picture comes from. */
  private rows: Projected | null = null;
  private from: Projection = RANDOM;
  private fromView: PlaneView | null = null;
  private shown: { plane: Projection; view: PlaneView } | null = null;
  /** What is drawn instead of the newest, while a picture is saved. */
  private fixed: { rows: Projected; plane: Projection; view: PlaneView } | null = null;
  private groundKey = "";
  private changedLines = false;

  constructor(host: HTMLElement) {
    super(host, { name: "trajectories", columns: PLACE, line: 2.4, halo: 4.5, near: 12 });
  }

  /** Another plane is glided to; other contours are there at once. */
  setLook(look: Look): void {
    if (look === this.look) return;
    if (look.plane !== this.look.plane) {
      this.from = this.shown?.plane ?? this.look.plane;
      this.fromView = this.shown?.view ?? null;
      this.glide.start(this.shown === null || this.size() > MOST_MOVED);
    }
    this.look = look;
    this.invalidate();
  }

  override destroy(): void {
    this.glide.stop();
    super.destroy();
  }

  protected held(): () => () => void {
    const { look, lines, shown, scene } = this;
    const rows = shown && scene && new Projected(scene.rows, shown.plane);
    const fixed = rows && { rows, ...shown };
    return () => {
      const newest = { look: this.look, lines: this.lines };
      Object.assign(this, { look, lines, fixed });
      return () => Object.assign(this, newest, { fixed: null });
    };
  }

  protected framed(): Pick<Figure, "title" | "note" | "x" | "y"> {
    const view = this.showsPaths ? this.shown?.view : this.ownView();
    const { width, height } = this.stack;
    const title = this.showsPaths ? "Trajectories" : "Loss around a run";
    if (view === undefined) return { title };
    return {
      title,
      note: this.look.words,
      x: axisOf("direction 1", view.x, width, false),
      y: axisOf("direction 2", view.y, height, true),
    };
  }

  /** Places in the plane that is looked at: most are sums of what is stored. */
  protected override rowsOf(data: StoredData): Exported["data"] {
    const { look, scene } = this;
    if (look.plane === RANDOM || scene === null) return data;
    const rows = new Projected(scene.rows, look.plane);
    return { kind: "drawn", first: 1, last: data.last, table: () => placesTable(rows, data) };
  }

  protected forget(): void {
    this.groundKey = "";
  }

  protected describe(names: string): string {
    return `Paths of ${names} through parameter space, ${this.look.words}`;
  }

  protected override get showsPaths(): boolean {
    return this.look.around === null;
  }

  protected titleAt(px: number, py: number): string {
    const view = this.showsPaths ? this.shown?.view : this.ownView();
    const loss = view === undefined ? Number.NaN : this.lossAt(view, px, py);
    return Number.isNaN(loss) ? "" : `loss ≈ ${formatValue(loss)}`;
  }

  protected paint(scene: Scene): void {
    const { width, height, ratio } = this.stack;
    const around = this.look.around !== null;
    const { rows, plane, view } = around
      ? { rows: scene.rows, plane: RANDOM, view: this.ownView() }
      : (this.fixed ?? this.moved(scene, width, height));
    if (!around && this.fixed === null) this.shown = { plane, view };
    const place: Place = (x, y) => [
      (x - view.x[0]) * view.scale,
      height - (y - view.y[0]) * view.scale,
    ];
    const key = [width, height, ratio, view.x[0], view.y[0], view.scale].join();
    this.drawGround(scene, view, place, plane, key);
    const context = this.stack.clear(TOP);
    if (around) {
      this.stack.clear(PATHS);
      this.stack.clear(TAILS);
      this.drawCentre(context, scene, place);
    } else {
      this.trails.update({ ...scene, rows }, place, key, [0, 0]);
      this.drawHeads(context, scene, place);
    }
  }

  /** Rows and view on the way from the plane before to the one looked at. */
  private moved(
    scene: Scene,
    width: number,
    height: number,
  ): { rows: Projected; plane: Projection; view: PlaneView } {
    const { plane } = this.look;
    if (this.rows?.base !== scene.rows || this.rows.projection !== plane) {
      this.rows = new Projected(scene.rows, plane);
    }
    const { rows } = this;
    const view = this.bounds.view({ ...scene, rows }, width, height);
    const { share } = this.glide;
    const before = this.fromView;
    if (share >= 1 || before === null) return { rows, plane, view };
    const now = blend(this.from, plane, share);
    const mix = (a: number, b: number) => a + share * (b - a);
    const middle = (v: PlaneView, axis: "x" | "y") => (v[axis][0] + v[axis][1]) / 2;
    const scale = Math.exp(mix(Math.log(before.scale), Math.log(view.scale)));
    const range = (axis: "x" | "y", pixels: number): [number, number] => {
      const at = mix(middle(before, axis), middle(view, axis));
      return [at - pixels / 2 / scale, at + pixels / 2 / scale];
    };
    return {
      rows: new Projected(scene.rows, now),
      plane: now,
      view: { x: range("x", width), y: range("y", height), scale },
    };
  }

  private drawGround(
    scene: Scene,
    view: PlaneView,
    place: Place,
    plane: Projection,
    key: string,
  ): void {
    const lines = this.contourLines();
    const moving = this.glide.share < 1;
    const ground = `${key}${scene.theme}${lines !== null}`;
    if (this.groundKey === ground && !moving && !this.changedLines) return;
    this.groundKey = ground;
    this.changedLines = false;
    const context = this.stack.clear(GROUND);
    if (lines === null) this.drawGrid(context, scene, view, place);
    else this.drawContours(context, scene, lines, place, plane);
  }

  private contourLines(): ContourLines | null {
    const grid = this.look.contours?.grid ?? null;
    if (grid === (this.lines?.of ?? null)) return this.lines?.lines ?? null;
    this.lines = grid === null ? null : { of: grid, lines: new ContourLines(grid) };
    this.changedLines = true;
    return this.lines?.lines ?? null;
  }

  private drawContours(
    context: CanvasRenderingContext2D,
    scene: Scene,
    lines: ContourLines,
    place: Place,
    plane: Projection,
  ): void {
    const own = this.look.contours?.plane ?? null;
    const turn = own === null ? null : turnBetween(own, plane);
    const turned: Place = (x, y) =>
      turn === null
        ? place(x, y)
        : place(
            turn.turn[0][0] * x + turn.turn[0][1] * y + turn.shift[0],
            turn.turn[1][0] * x + turn.turn[1][1] * y + turn.shift[1],
          );
    const tokens = TOKENS[scene.theme];
    // Paths may have left the part that was computed far behind.
    const { x } = (this.look.contours as Contours).grid;
    const far = (x[x.length - 1] as number) - (x[0] as number);
    const small = Math.abs(place(far, 0)[0] - place(0, 0)[0]) < this.stack.width * SMALL_PART;
    context.lineWidth = 1;
    context.lineJoin = "round";
    context.strokeStyle = withAlpha(
      tokens.faint,
      (turn?.shared ?? 1) < SAME_PLANE || small ? 0.3 : 0.62,
    );
    context.stroke(lines.trace(turned));
  }

  /** A faint grid, the same step both ways, so that equal units can be seen. */
  private drawGrid(
    context: CanvasRenderingContext2D,
    scene: Scene,
    view: PlaneView,
    place: Place,
  ): void {
    const { width, height } = this.stack;
    const step = niceStep(44 / view.scale);
    const tokens = TOKENS[scene.theme];
    context.lineWidth = 1;
    const line = (zero: boolean, x0: number, y0: number, x1: number, y1: number) => {
      context.beginPath();
      context.moveTo(x0, y0);
      context.lineTo(x1, y1);
      context.strokeStyle = zero ? withAlpha(tokens.faint, 0.6) : tokens.hairline;
      context.stroke();
    };
    for (let k = Math.ceil(view.x[0] / step); k * step <= view.x[1]; k++) {
      const x = Math.round(place(k * step, 0)[0]) + 0.5;
      line(k === 0, x, 0, x, height);
    }
    for (let k = Math.ceil(view.y[0] / step); k * step <= view.y[1]; k++) {
      const y = Math.round(place(0, k * step)[1]) + 0.5;
      line(k === 0, 0, y, width, y);
    }
  }

  private drawHeads(context: CanvasRenderingContext2D, scene: Scene, place: Place): void {
    const { width, height } = this.stack;
    const ground = this.ground.of(this.stack.root, TOKENS[scene.theme].page);
    const [x, y] = place(0, 0);
    context.beginPath();
    context.arc(x, y, 4, 0, 2 * Math.PI);
    context.lineWidth = 1.6;
    context.strokeStyle = TOKENS[scene.theme].ink;
    context.stroke();
    this.paintHeads(context, scene, headsOf(scene, this.trails, width, height), 4.2, ground);
  }

  /** A run in the middle of the plane that was laid around it. */
  private drawCentre(context: CanvasRenderingContext2D, scene: Scene, place: Place): void {
    const run = scene.runs.find((one) => one.id === this.look.around);
    if (run === undefined) return;
    const [x, y] = place(0, 0);
    const head = { run, x, y, step: scene.head, diverged: false, outside: null };
    paintHead(context, head, scene, 5, this.ground.of(this.stack.root, TOKENS[scene.theme].page));
  }

  /** All of a plane around a run. */
  private ownView(): PlaneView {
    const grid = this.look.contours?.grid ?? { x: [-1, 1], y: [-1, 1] };
    return roundView(grid, this.stack.width, this.stack.height);
  }

  /** Rows that a glide would have to move. */
  private size(): number {
    const { scene } = this;
    const rows = (id: string) => scene?.rows.column(id, "proj_x")?.n ?? 0;
    return (scene?.runs ?? []).reduce((sum, run) => sum + rows(run.id), 0);
  }

  /** The loss under a pixel, taken back to the plane that it was computed in. */
  private lossAt(view: PlaneView, px: number, py: number): number {
    const lines = this.contourLines();
    if (lines === null) return Number.NaN;
    const x = view.x[0] + px / view.scale;
    const y = view.y[0] + (this.stack.height - py) / view.scale;
    const own = this.look.contours?.plane ?? null;
    if (own === null) return lines.at(x, y);
    const back = turnBetween(this.look.plane, own);
    if (back === null) return Number.NaN;
    const [a, b] = back.turn;
    return lines.at(a[0] * x + a[1] * y + back.shift[0], b[0] * x + b[1] * y + back.shift[1]);
  }
}

/** Run, step and both coordinates of every row up to the last step. */
function placesTable(rows: Projected, { runs, last }: StoredData): DrawnTable {
  const table = { run: [] as string[], step: [] as number[], x: [] as number[], y: [] as number[] };
  for (const run of runs) {
    const [x, y] = [rows.column(run, PLACE[0]), rows.column(run, PLACE[1])];
    if (x === undefined || y === undefined) continue;
    for (let i = 0; i < Math.min(x.n, y.n) && (x.steps[i] as number) <= last; i++) {
      table.run.push(run);
      table.step.push(x.steps[i] as number);
      table.x.push(x.values[i] as number);
      table.y.push(y.values[i] as number);
    }
  }
  return table;
}
