/** Bounds and ticks of axes: round numbers that grow in steps, so that nothing jumps from frame to frame. */

export type Scale = "log" | "linear";
export type Range = [number, number];

/** Smallest of 1, 2, 2.5, 5 × 10ᵏ that is at least `rough`. */
export function niceStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough));
  const mantissa = rough / power;
  const nice = [1, 2, 2.5, 5, 10].find((m) => mantissa <= m * (1 + 1e-9)) ?? 10;
  return nice * power;
}

/** Multiples of `step` within the range, without the dust of floating point. */
function multiples([low, high]: Range, step: number): number[] {
  const first = Math.ceil(low / step - 1e-6);
  const last = Math.floor(high / step + 1e-6);
  const ticks: number[] = [];
  for (let k = first; k <= last; k++) ticks.push(Number((k * step).toPrecision(12)) + 0);
  return ticks;
}

/** Round linear bounds around the data, from zero where that costs little. */
export function linearBounds([min, max]: Range): Range {
  let low = min;
  let high = max;
  if (low >= 0 && low <= 0.4 * high) low = 0;
  if (high <= 0 && high >= 0.4 * low) high = 0;
  if (low === high) {
    const margin = Math.abs(low) > 0 ? Math.abs(low) * 0.1 : 1;
    low -= margin;
    high += margin;
  }
  const step = niceStep((high - low) / 4);
  return [Math.floor(low / step + 1e-9) * step, Math.ceil(high / step - 1e-9) * step];
}

/** Positive data's bounds at 1, 2, 5 × 10ᵏ, at whole decades once they span more than four. */
export function logBounds([min, max]: Range): Range {
  let low = snap(min, Math.floor);
  let high = snap(max, Math.ceil);
  for (let down = true; high / low < 9.99; down = !down) {
    if (down) low = snap(low / 2, Math.floor);
    else high = snap(high * 2, Math.ceil);
  }
  if (high / low <= 1e4) return [low, high];
  const decade = (v: number, round: (x: number) => number) => 10 ** round(Math.log10(v));
  return [decade(low, (x) => Math.floor(x + 1e-9)), decade(high, (x) => Math.ceil(x - 1e-9))];
}

/** The next of 1, 2, 5 × 10ᵏ below (`Math.floor`) or above (`Math.ceil`). */
function snap(v: number, direction: (x: number) => number): number {
  const down = direction === Math.floor;
  const exponent = Math.floor(Math.log10(v) + 1e-9);
  const mantissa = v / 10 ** exponent;
  const steps = [1, 2, 5, 10];
  const nice = down
    ? steps.filter((m) => m <= mantissa * (1 + 1e-9)).at(-1)
    : steps.find((m) => m >= mantissa * (1 - 1e-9));
  return Number(`${nice ?? 1}e${exponent}`);
}

/** Losses on their way to infinity pass values whose round neighbours no longer are numbers. */
const FARTHEST = 1e300;
const clamp = (v: number, low: number): number => Math.min(FARTHEST, Math.max(low, v));

/** Axis bounds that only grow while they serve the same view, and then to the next round number. */
export class GrowingBounds {
  private bounds: Range | null = null;

  /** The bounds for data between these; NaN (no data) keeps what there was. */
  fit(smallest: number, largest: number, scale: Scale): Range {
    const min = clamp(smallest, scale === "log" ? 1 / FARTHEST : -FARTHEST);
    const max = clamp(largest, scale === "log" ? 1 / FARTHEST : -FARTHEST);
    if (!(min <= max)) return this.bounds ?? (scale === "log" ? [0.01, 1] : [0, 1]);
    const old = this.bounds;
    if (old !== null && min >= old[0] && max <= old[1]) return old;
    const wanted: Range =
      old === null ? [min, max] : [Math.min(min, old[0]), Math.max(max, old[1])];
    this.bounds = scale === "log" ? logBounds(wanted) : linearBounds(wanted);
    return this.bounds;
  }

  reset(): void {
    this.bounds = null;
  }
}

/** Ticks of a linear value axis, at most `most`. */
export function linearTicks(range: Range, most: number): number[] {
  const [low, high] = range;
  for (const intervals of [4, 3, 5, 2]) {
    const step = (high - low) / intervals;
    if (intervals < most && isRound(step, [1, 1.5, 2, 2.5, 3, 4, 5]) && isMultiple(low, step)) {
      return multiples(range, step);
    }
  }
  return multiples(range, niceStep((high - low) / Math.max(1, most - 1)));
}

/** Ticks of a log axis (values, not exponents): few decades; 1, 2, 5 where there is less than one and a half. */
export function logTicks(range: Range, most: number): number[] {
  const low = Math.log10(range[0]);
  const high = Math.log10(range[1]);
  if (high - low < 1.5) {
    const ticks: number[] = [];
    for (let e = Math.floor(low); e <= Math.ceil(high); e++) {
      for (const m of high - low < 0.9 ? [1, 2, 3, 5, 7] : [1, 2, 5]) {
        const v = Number(`${m}e${e}`);
        if (v >= range[0] * (1 - 1e-9) && v <= range[1] * (1 + 1e-9)) ticks.push(v);
      }
    }
    if (ticks.length >= 2) return ticks.length > most ? thin(ticks, most) : ticks;
    return linearTicks(range, most);
  }
  const stride = [1, 2, 3, 4, 5, 10, 20, 50, 100, 200].find(
    (s) => Math.floor(high / s + 1e-9) - Math.ceil(low / s - 1e-9) + 1 <= most,
  );
  return multiples([low, high], stride ?? 500).map((e) => Number(`1e${Math.round(e)}`));
}

function thin(ticks: number[], most: number): number[] {
  const every = Math.ceil(ticks.length / most);
  return ticks.filter((_, i) => i % every === 0);
}

/** Ticks of a step axis: whole numbers, its right end among them where that is round. */
export function stepTicks(range: Range, most: number): number[] {
  const span = range[1] - range[0];
  for (const intervals of [4, 3, 5, 2, 6]) {
    const step = span / intervals;
    if (
      intervals < most &&
      Number.isInteger(step) &&
      isRound(step, [1, 2, 2.5, 3, 4, 5]) &&
      isMultiple(range[0], step)
    ) {
      return multiples(range, step);
    }
  }
  return multiples(range, Math.max(1, Math.ceil(niceStep(span / Math.max(1, most - 1)))));
}

function isRound(step: number, mantissas: readonly number[]): boolean {
  const mantissa = step / 10 ** Math.floor(Math.log10(step) + 1e-9);
  return mantissas.some((m) => Math.abs(mantissa - m) < 1e-6);
}

function isMultiple(v: number, step: number): boolean {
  return Math.abs(v / step - Math.round(v / step)) < 1e-6;
}
