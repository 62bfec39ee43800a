import { formatPercent, formatSigned } from "../look/format.ts";
import { rate } from "./names.ts";
import type { Verdict } from "./verdict_surface.ts";

/** Held-out images of each task: what the noise of an accuracy is computed from. */
const TEST_IMAGES: Record<string, number> = { digits: 360 };

/** One run that drops coordinates, with the runs it is measured against; accuracies from 0 to 1. */
export interface Comparison {
  name: string;
  dropRate: number;
  accuracy: number;
  plain: { name: string; accuracy: number } | null;
  fair: { name: string; accuracy: number } | null;
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
  const known = comparisons.filter((one) => Number.isFinite(one.accuracy));
  const measured = known.filter((one) => one.plain ?? one.fair);
  if (measured.length === 0) {
    return {
      text:
        comparisons.length === 0
          ? "Nothing is dropped: there is no run to compare."
          : known.length === 0
            ? "No test accuracy has been measured yet."
            : "No run differs from a dropping one by its drop rate alone: add the fair baseline.",
      sure: noise(known[0]?.accuracy, problem),
    };
  }
  const texts = measured.slice(0, 2).map(sentence);
  const more = measured.length > 2 ? ` And ${measured.length - 2} more.` : "";
  const first = measured[0] as Comparison;
  return { text: texts.join(" ") + more, sure: noise(first.accuracy, problem) };
}

function sentence(one: Comparison): string {
  const parts: string[] = [];
  if (one.plain) parts.push(`${points(one.accuracy - one.plain.accuracy)} to ${one.plain.name}`);
  if (one.fair) parts.push(`${points(one.accuracy - one.fair.accuracy)} to ${one.fair.name}`);
  const at = `${one.name} at ${rate(one.dropRate)}`;
  return `${at}: test accuracy ${formatPercent(one.accuracy)}, ${parts.join(", ")}.`;
}

function points(difference: number): string {
  return `${formatSigned(difference * 100, 1)} points`;
}

function noise(accuracy: number | undefined, problem: string): string {
  const images = TEST_IMAGES[problem];
  if (!images || accuracy === undefined) return "One seed: no interval.";
  const limit = noisePoints(accuracy, images).toFixed(1);
  return `One seed: no interval. Differences below ${limit} points are noise on ${images} test images (2 binomial standard errors).`;
}
