import type { Experiment } from "../protocol.ts";
import type { App } from "./app.ts";
import { rowAt } from "./history.ts";
import type { LayersView, SamplesView } from "./looks.ts";
import type { ContourView, PictureView, PlaneView } from "./pictures.ts";

/** What tests may read: the rows as they arrived, the frames drawn, the experiment shown. */
export interface Probe {
  rows(run: string, column: string): { steps: number[]; values: number[] };
  /** How many points of a column there are. */
  count(run: string, column: string): number;
  /** Values of the rows after a step. */
  since(run: string, column: string, step: number): { steps: number[]; values: number[] };
  readonly drawn: number;
  /** The newest step that a picture has been drawn with. */
  painted(picture: string): number;
  readonly experiment: Experiment | null;
  readonly plane: PlaneView | null;
  readonly contour: ContourView | null;
  readonly picture: PictureView | null;
  readonly layers: LayersView | null;
  readonly samples: SamplesView | null;
}

/** Puts the probe on the element, as `__lrd`. */
export function exposeForTests(app: App, host: HTMLElement): void {
  const probe: Probe = {
    rows(run, name) {
      const column = app.session.peek()?.rows.column(run, name);
      return {
        steps: column ? [...column.steps.subarray(0, column.n)] : [],
        values: column ? [...column.values.subarray(0, column.n)] : [],
      };
    },
    count: (run, name) => app.session.peek()?.rows.column(run, name)?.n ?? 0,
    since(run, name, step) {
      const column = app.session.peek()?.rows.column(run, name);
      if (!column) return { steps: [], values: [] };
      const from = rowAt(column, step) + 1;
      return {
        steps: [...column.steps.subarray(from, column.n)],
        values: [...column.values.subarray(from, column.n)],
      };
    },
    get drawn() {
      return app.loop.drawn;
    },
    painted: (picture) => app.painted.get(picture) ?? 0,
    get experiment() {
      return app.session.peek()?.experiment.peek() ?? null;
    },
    get plane() {
      return app.session.peek()?.pictures.plane.peek() ?? null;
    },
    get contour() {
      return app.session.peek()?.pictures.contour.peek() ?? null;
    },
    get picture() {
      return app.session.peek()?.pictures.picture.peek() ?? null;
    },
    get layers() {
      return app.session.peek()?.pictures.layers.peek() ?? null;
    },
    get samples() {
      return app.session.peek()?.pictures.samples.peek() ?? null;
    },
  };
  Object.defineProperty(host, "__lrd", { value: probe });
}
