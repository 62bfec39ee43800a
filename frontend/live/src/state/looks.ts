import type { ViewMessage } from "../protocol.ts";

/** What the sixth picture of a task shows. */
export type Look = "mask" | "layers" | "samples";

/** A number a tensor; NaN where it is not known. */
type Numbers = number[];

/** Every tensor of one run at its newest step. */
export interface LayersOfRun {
  run: string;
  step: number;
  /** Whether masks were drawn again from their coins, or followed since somebody looks. */
  source: "coins" | "change";
  keep_rate: Numbers;
  grad_norm: Numbers;
  update_norm: Numbers;
  full_norm: Numbers;
  weight_norm: Numbers;
  update_ratio: Numbers;
  /** Steps since the last update: median and 95 %; `known` is more than were looked at. */
  age: [number, number][];
  known: Numbers;
  /** Coordinates whose last update was looked for. */
  looked_at: Numbers;
  /** Share that was updated in the last steps, by their number. */
  covered: Record<string, Numbers>;
}

export interface LayersView {
  step: number;
  runs: LayersOfRun[];
}

interface Counted {
  run: string;
  step: number;
  total: number;
  right: number;
}

export interface Sample {
  index: number;
  label: number;
  predicted: number;
  probability: number;
  /** How often it was wrong. */
  wrong: number;
}

/** Held-out pictures with what a run takes them for. */
export interface PicturesView extends Counted {
  kind: "pictures";
  order: string;
  classes: string[];
  height: number;
  width: number;
  channels: number;
  looks: number;
  samples: Sample[];
  /** Of all samples, a byte a channel. */
  data: Uint8Array;
}

/** Held-out points of a plane, and the probability of class 1 all over it. */
export interface PointsView extends Counted {
  kind: "points";
  classes: string[];
  reach: number;
  side: number;
  /** x, y, class, predicted class, its probability. */
  points: [number, number, number, number, number][];
  /** 0 to 255, row by row from the lowest y. */
  data: Uint8Array;
}

/** A held-out passage as a run reads it, and what it writes itself. */
export interface TextView extends Counted {
  kind: "text";
  passage: string;
  /** Of every character after the first. */
  likeliest: string;
  probability: number[];
  prompt: string;
  written: string;
}

export type SamplesView = PicturesView | PointsView | TextView;

type Content = ViewMessage["content"];

const LISTS = [
  "keep_rate",
  "grad_norm",
  "update_norm",
  "full_norm",
  "weight_norm",
  "update_ratio",
  "known",
  "looked_at",
] as const;

/** Takes up the view `layers`; what is null in it is NaN here. */
export function layersOf(content: Content): LayersView {
  const { step, runs } = content as unknown as LayersView;
  return {
    step,
    runs: runs.map((one) => ({
      ...one,
      ...Object.fromEntries(LISTS.map((name) => [name, one[name].map(number)])),
      age: one.age.map(([median, most]) => [number(median), number(most)]),
      covered: Object.fromEntries(
        Object.entries(one.covered).map(([steps, shares]) => [steps, shares.map(number)]),
      ),
    })),
  };
}

/** Takes up the view `samples`; null where it is of a kind that this page does not know. */
export function samplesOf(content: Content): SamplesView | null {
  const kind = String(content.kind);
  if (kind === "text") {
    const text = content as unknown as TextView;
    return { ...text, probability: text.probability.map(number) };
  }
  if (kind !== "pictures" && kind !== "points") return null;
  const data = Uint8Array.from(atob(String(content.data)), (c) => c.charCodeAt(0));
  if (kind === "points") return { ...(content as unknown as PointsView), data };
  const view = content as unknown as PicturesView;
  const samples = view.samples.map((one) => ({ ...one, probability: number(one.probability) }));
  return { ...view, samples, data };
}

function number(value: number | null): number {
  return value === null ? Number.NaN : Number(value);
}
