import { areAligned } from "../charts/aligned.ts";
import { rowAt } from "../charts/derive.ts";
import type { Column, Rows, View } from "../charts/types.ts";
import type { Run } from "../protocol.ts";
import type { History } from "./history.ts";
import { LRD } from "./names.ts";

/** Steps over which the train loss of a gap is averaged: as many as on cards. */
export const GAP_WINDOW = 20;
const HALF = GAP_WINDOW / 2;

/** Columns that are computed here. */
export const GAP = "gap";
export const FULL_NORM = "full_norm";
export const EFFECTIVE_LR = "effective_lr";

/** What of a run says how its updates were scaled. */
export type Scaled = Pick<Run, "id" | "rescale" | "policy" | "policy_settings">;

interface Made {
  n: number;
  basis: string;
  values: Float64Array;
}

type Value = (i: number) => number;

/**
 * The rows of a task, with what follows from them, computed once a row:
 *
 * - `gap`, `gap/mean`: held-out loss − mean train loss of the 20 steps around it, since a mean of
 *   the last ones would be of worse weights while a run learns; the newest point has the steps that
 *   there are, and of a long past it is the mean of the rows that are drawn as one there. `gap/sd`
 *   is the largest spread over seeds that the gap can have, sd(test) + mean sd(train): how both go
 *   together is not recorded.
 * - `full_norm`: norm of the update before the mask. The masked update is a part of it, so that
 *   their cosine is the ratio of their norms. Not known where what is left out still moves.
 * - `effective_lr`: learning rate × (1 − drop rate), or × the share kept where a policy does not
 *   drop by coins of that rate; under rescale ÷ (1 − drop rate).
 */
export class TaskRows implements Rows {
  private readonly made = new Map<string, Made>();

  constructor(
    private readonly history: History,
    private readonly runs: () => readonly Scaled[],
  ) {}

  get version(): number {
    return this.history.version;
  }

  get waiting(): string {
    return this.history.waiting;
  }

  line(run: string, name: string, view: View): Column | undefined {
    return this.computed(run, name, view) ?? this.history.line(run, name, view);
  }

  column(run: string, name: string, view?: View): Column | undefined {
    return this.computed(run, name, view) ?? this.history.column(run, name, view);
  }

  private computed(run: string, name: string, view?: View): Column | undefined {
    if (name === GAP) return this.gap(run, "", 1, view);
    if (name === `${GAP}/mean`) return this.gap(run, "/mean", 1, view);
    if (name === `${GAP}/sd`) return this.gap(run, "/sd", -1, view);
    if (name === FULL_NORM) return this.fullNorm(run, view);
    return name === EFFECTIVE_LR ? this.effectiveLr(run, view) : undefined;
  }

  private effectiveLr(run: string, view?: View): Column | undefined {
    const scaled = this.runs().find((one) => one.id === run);
    const names = ["lr", "drop_rate", "keep_rate"];
    return this.product(run, names, EFFECTIVE_LR, view, ([lr, rate, share]) => {
      const keep = 1 - (rate as number);
      const kept = scaled && dropsByRate(scaled) ? keep : (share as number);
      return ((lr as number) * kept) / (scaled?.rescale ? keep : 1);
    });
  }

  /** Held-out values less (`sign` 1) or with the mean of the train loss's. */
  private gap(run: string, part: string, sign: 1 | -1, view?: View): Column | undefined {
    const test = this.history.column(run, `test_loss${part}`, view);
    const train = view
      ? this.history.line(run, `loss${part}`, view)
      : this.history.column(run, `loss${part}`);
    if (!test || !train) return undefined;
    const made = this.kept(run, `${GAP}${part}`, view, [test], train);
    const gap = this.grown(made, test, (i) => {
      const around = meanAround(train, test.steps[i] as number);
      return (test.values[i] as number) - sign * around;
    });
    // Rows to come belong to the newest points as well.
    const whole = (train.steps[train.n - 1] ?? 0) - HALF;
    while (made.n > 0 && (test.steps[made.n - 1] as number) > whole) made.n -= 1;
    return gap;
  }

  private fullNorm(run: string, view?: View): Column | undefined {
    const scaled = this.runs().find((one) => one.id === run);
    if (!scaled || !isPart(scaled)) return undefined;
    const names = ["update_norm", "cos_full", "drop_rate"];
    return this.product(run, names, FULL_NORM, view, ([norm, cosine, rate]) => {
      const factor = scaled.rescale ? 1 - (rate as number) : 1;
      return ((norm as number) / (cosine as number)) * factor;
    });
  }

  /** A value of each row, from several columns that come together. */
  private product(
    run: string,
    names: readonly string[],
    made: string,
    view: View | undefined,
    value: (values: number[]) => number,
  ): Column | undefined {
    const columns = names.map((name) => this.history.column(run, name, view));
    const [first] = columns;
    if (!first || !columns.every((one) => one && areAligned(first, one))) return undefined;
    const whole = columns as Column[];
    const at = { ...first, n: Math.min(...whole.map((one) => one.n)) };
    return this.grown(this.kept(run, made, view, whole), at, (i) =>
      value(whole.map((one) => one.values[i] as number)),
    );
  }

  /** What was computed so far; nothing once the rows that it came from are others. */
  private kept(
    run: string,
    name: string,
    view: View | undefined,
    of: readonly Column[],
    train?: Column,
  ): Made {
    const key = `${run}\n${name}${view ? `\n${view.from}\n${view.to}` : ""}`;
    const all = train ? [...of, train] : of;
    const basis = all.map((one) => `${one.generation ?? 0}/${one.steps[0]}`).join();
    const known = this.made.get(key);
    if (known?.basis === basis && known.n <= (of[0] as Column).n) return known;
    // Views come and go.
    if (this.made.size > 128) this.made.clear();
    const made = { n: 0, basis, values: new Float64Array(0) };
    this.made.set(key, made);
    return made;
  }

  private grown(made: Made, column: Column, value: Value): Column {
    if (made.values.length < column.n) {
      const larger = new Float64Array(column.steps.length);
      larger.set(made.values.subarray(0, made.n));
      made.values = larger;
    }
    for (; made.n < column.n; made.n++) made.values[made.n] = value(made.n);
    return { ...column, values: made.values };
  }
}

/** Mean of the finite rows of the steps around `step`, or of the rows that are one point there. */
function meanAround({ n, steps, values, buckets }: Column, step: number): number {
  let sum = 0;
  let count = 0;
  for (let i = rowAt(steps, n, step + HALF); i >= 0; i--) {
    const bucket = buckets?.of[i] ?? -1;
    if (bucket >= 0 && count === 0) return buckets?.mean[bucket] ?? Number.NaN;
    if (bucket >= 0 || (steps[i] as number) <= step - HALF) break;
    const value = values[i] as number;
    if (!Number.isFinite(value)) continue;
    sum += value;
    count += 1;
  }
  return count > 0 ? sum / count : Number.NaN;
}

/** Whether a run's update is the kept part of the whole one, times a factor that is known. */
function isPart({ rescale, policy, policy_settings }: Scaled): boolean {
  const { rest } = policy_settings;
  if (typeof rest === "number" && rest !== 0) return false;
  // Other policies have scales of their own.
  return !rescale || dropsByRate({ policy });
}

/** Whether a coin of the drop rate decides what is left out of an update. */
function dropsByRate({ policy }: Pick<Scaled, "policy">): boolean {
  return policy === LRD || policy.startsWith("per_");
}
