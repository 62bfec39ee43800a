import { signal } from "@preact/signals";
import type { ViewMessage } from "../protocol.ts";
import { type LayersView, layersOf, type SamplesView, samplesOf } from "./looks.ts";

/** Numbers in a sketch: the columns `sketch/0` … `sketch/15`. */
export const SKETCH = 16;

/** Takes a sketch to a place in a plane: a row an axis. */
export type PlaneMap = [number[], number[]];

/** The plane that explains most variance of all paths: a row's place is map · sketch + offset. */
export interface PlaneView {
  map: PlaneMap;
  offset: [number, number];
  /** Share of the variance along each axis. */
  explained: [number, number];
  /** R² of the map. */
  fit: number;
  step: number;
}

/** The loss over a plane: z[i][j] at (x[j], y[i]), null where it is not finite. */
export interface ContourView {
  directions: "plane" | "filter";
  /** The run in the centre; null where paths of all runs lie in the plane. */
  run: string | null;
  step: number;
  x: number[];
  y: number[];
  z: (number | null)[][];
  /** Of the plane that it was computed in, as a plane's own; null around a run. */
  map: PlaneMap | null;
}

/** What a step did to a tensor of one run. */
export interface PictureView {
  run: string;
  step: number;
  tensor: string;
  rows: number;
  columns: number;
  /** A byte a coordinate, row-major: 0 was left out, 1 to 255 is the size of the update in logarithm. */
  pixels: Uint8Array;
  /** Largest update. */
  scale: number;
  /** Which part of the tensor this is, in words. */
  shown: string;
  keepRate: number;
  /** Steps since the last update of each coordinate, counted in bins. */
  ages: { labels: string[]; counts: number[] };
  /** Share of coordinates updated in the last 1, 10, 100 steps; NaN while that is not known. */
  touched: { steps: number; share: number }[];
  /** Of this step's mask with the one before, and what independent masks would give. */
  overlap: number;
  expected: number;
}

/** What a step would have been without a mask, by run. */
export interface ArrowsView {
  step: number;
  runs: Record<string, { full: [number, number]; kept: [boolean, boolean] }>;
}

/** Why a view was not made: the job's words, and whose it was; null is all runs. */
export interface Failure {
  error: string;
  run: string | null;
}

/** The newest state of every picture that the job computes for those who look. */
export class Pictures {
  readonly plane = signal<PlaneView | null>(null);
  readonly contour = signal<ContourView | null>(null);
  readonly picture = signal<PictureView | null>(null);
  readonly arrows = signal<ArrowsView | null>(null);
  readonly layers = signal<LayersView | null>(null);
  readonly samples = signal<SamplesView | null>(null);
  /** How far a contour is that is being computed; null while none is. */
  readonly progress = signal<number | null>(null);
  /** Views whose newest state could not be made, by name. */
  readonly failures = signal<Record<string, Failure>>({});

  /** Takes up a message; what is no picture of this page is left alone. */
  take({ name, content }: Pick<ViewMessage, "name" | "content">): void {
    if (content.error) {
      const run = typeof content.run === "string" ? content.run : null;
      this.failures.value = { ...this.failures.peek(), [name]: { error: `${content.error}`, run } };
      if (name === "contour") this.progress.value = null;
      return;
    }
    if (name in this.failures.peek()) {
      const { [name]: _, ...others } = this.failures.peek();
      this.failures.value = others;
    }
    if (name === "plane") this.plane.value = planeOf(content);
    else if (name === "picture") this.picture.value = pictureOf(content);
    else if (name === "contour") this.takeContour(content);
    else if (name === "arrows") this.arrows.value = arrowsOf(content, this.arrows.peek());
    else if (name === "layers") this.layers.value = layersOf(content);
    else if (name === "samples") this.samples.value = samplesOf(content);
  }

  /** A contour was asked for: it begins when the job has time. */
  awaitContour(): void {
    this.progress.value ??= 0;
  }

  /** Why a view of this run (null: of all) is not made, in words; empty while it is. */
  failure(view: string, run: string | null): string {
    const failed = this.failures.value[view];
    if (failed === undefined || failed.run !== run) return "";
    return `The job could not make this, and tries again while it trains: ${failed.error}`;
  }

  private takeContour(content: Content): void {
    const contour = content as unknown as ContourView;
    if (!contour.z?.length) {
      this.progress.value = Number(content.progress);
      return;
    }
    this.progress.value = null;
    // The plane may have been fitted anew since: a contour comes with the map of its own.
    this.contour.value = { ...contour, map: isMap(content.map) ? content.map : null };
  }
}

type Content = ViewMessage["content"];

function planeOf(content: Content): PlaneView | null {
  return isMap(content.map) ? (content as unknown as PlaneView) : null;
}

/** Runs at the same step come in one message or in several. */
function arrowsOf(content: Content, before: ArrowsView | null): ArrowsView {
  const { step, runs } = content as unknown as {
    step: number;
    runs: { run: string; full: [number, number]; kept: [boolean, boolean] }[];
  };
  const others = before?.step === step ? before.runs : {};
  const found = Object.fromEntries(runs.map(({ run, ...arrow }) => [run, arrow]));
  return { step, runs: { ...others, ...found } };
}

function isMap(given: unknown): given is PlaneMap {
  return (
    Array.isArray(given) &&
    given.length === 2 &&
    given.every((row) => Array.isArray(row) && row.length === SKETCH)
  );
}

function pictureOf(content: Content): PictureView {
  const given = content as Record<string, unknown>;
  const { run, step, tensor, rows, columns, shown, ages } = content as unknown as PictureView;
  const touched = (given.touched ?? {}) as Record<string, number | null>;
  return {
    run,
    step,
    tensor,
    rows,
    columns,
    shown,
    ages,
    pixels: bytesOf(String(given.data ?? "")),
    scale: number(given.scale),
    keepRate: number(given.keep_rate),
    touched: Object.entries(touched)
      .map(([steps, share]) => ({ steps: Number(steps), share: number(share) }))
      .sort((a, b) => a.steps - b.steps),
    overlap: number(given.overlap),
    expected: number(given.overlap_expected),
  };
}

/** JSON has no NaN: null, and the words that stand for what is not finite. */
function number(value: unknown): number {
  return value === null || value === undefined ? Number.NaN : Number(value);
}

function bytesOf(base64: string): Uint8Array {
  return Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
}
