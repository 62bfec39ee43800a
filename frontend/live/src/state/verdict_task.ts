import { formatPercent, formatSigned, formatValue } from "../look/format.ts";
import { rate } from "./names.ts";
import { tQuantile } from "./student.ts";
import type { Verdict } from "./verdict_surface.ts";

/** Held-out images of each task: what the noise of an accuracy is computed from. */
const TEST_IMAGES: Record<string, number> = { digits: 360 };

/** A test accuracy (0 to 1) or loss; with several seeds their mean and standard deviation. */
export interface Measured {
  value: number;
  seeds?: { count: number; sd: number } | null;
}

/** One run that drops coordinates, with the runs it is measured against. */
export interface Comparison extends Measured {
  name: string;
  dropRate: number;
  plain: (Measured & { name: string }) | null;
  fair: (Measured & { name: string }) | null;
}

/**
 * Half the 95 % interval of the difference of two means (Welch 1947); NaN with one seed.
 */
export function halfDifference(a: Measured, b: Measured): number {
  if (!a.seeds || !b.seeds) return Number.NaN;
  const [va, vb] = [a.seeds, b.seeds].map(({ sd, count }) => sd ** 2 / count) as [number, number];
  if (va + vb === 0) return 0;
  const spread = va ** 2 / (a.seeds.count - 1) + vb ** 2 / (b.seeds.count - 1);
  return tQuantile((va + vb) ** 2 / spread) * Math.sqrt(va + vb);
}

/**
 * Two binomial standard errors of the difference of two accuracies near `accuracy`, in points.
 * Both are measured on the same images, which can only make the true one smaller.
 */
export function noisePoints(accuracy: number, images: number): number {
  const error = Math.sqrt((2 * accuracy * (1 - accuracy)) / images);
  return 2 * error * 100;
}

/** Test accuracy of runs that drop against those that do not, and how sure one seed makes us. */
export function taskVerdict(comparisons: Comparison[], problem: string): Verdict {
  const known = comparisons.filter((one) => Number.isFinite(one.value));
  const measured = known.filter((one) => one.plain ?? one.fair);
  if (measured.length === 0) {
    return {
      text:
        comparisons.length === 0
          ? "Nothing is dropped: there is no run to compare."
          : known.length === 0
            ? "No held-out data has been measured yet."
            : "No run differs from a dropping one by its drop rate alone: add the fair baseline.",
      sure: noise(known[0], problem),
    };
  }
  const texts = measured.slice(0, 2).map(sentence);
  const more = measured.length > 2 ? ` And ${measured.length - 2} more.` : "";
  const first = measured[0] as Comparison;
  return { text: texts.join(" ") + more, sure: noise(first, problem) };
}

/** Test loss of runs that drop against those that do not, for tasks that measure nothing else. */
export function lossVerdict(comparisons: Comparison[]): Verdict {
  const known = comparisons.filter((one) => Number.isFinite(one.value));
  const texts = known.slice(0, 2).map((one) => {
    const to = [one.plain, one.fair].flatMap((other) =>
      other ? [`${formatValue(one.value / other.value)} × that of ${other.name}`] : [],
    );
    const loss = `${one.name} at ${rate(one.dropRate)}: test loss ${formatValue(one.value)}`;
    return `${[loss, ...to].join(", ")}.`;
  });
  const sure = known[0]?.seeds
    ? `Means of ${known[0].seeds.count} seeds.`
    : "One seed: an anecdote.";
  return { text: texts.join(" ") || "Nothing is dropped: there is no run to compare.", sure };
}

function sentence(one: Comparison): string {
  const parts: string[] = [];
  if (one.plain) parts.push(`${points(one, one.plain)} to ${one.plain.name}`);
  if (one.fair) parts.push(`${points(one, one.fair)} to ${one.fair.name}`);
  const at = `${one.name} at ${rate(one.dropRate)}`;
  return `${at}: test accuracy ${formatPercent(one.value)}, ${parts.join(", ")}.`;
}

function points(one: Measured, other: Measured): string {
  const difference = (one.value - other.value) * 100;
  const half = halfDifference(one, other) * 100;
  const signed = `${formatSigned(difference, 1)} points`;
  if (Number.isNaN(half)) return signed;
  return `${signed} [${formatSigned(difference - half, 1)}, ${formatSigned(difference + half, 1)}]`;
}

function noise(measured: Measured | undefined, problem: string): string {
  const accuracy = measured?.value;
  if (measured?.seeds) {
    return `Means of ${measured.seeds.count} seeds, 95 % intervals of their differences in brackets.`;
  }
  const images = TEST_IMAGES[problem];
  if (!images || accuracy === undefined) return "One seed: no interval.";
  const limit = noisePoints(accuracy, images).toFixed(1);
  return `One seed: no interval. Differences below ${limit} points are noise on ${images} test images (2 binomial standard errors).`;
}
