/** How far a reader has come, kept in this browser and nowhere else. */

/** Steps seen, by the name of the lesson. */
export type Progress = Record<string, number[]>;

const KEY = "lrd.lessons";

/** What the browser has kept; nothing where it keeps nothing, or something else. */
export function keptProgress(): Progress {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    return isProgress(kept) ? kept : {};
  } catch {
    return {};
  }
}

export function keepProgress(progress: Progress): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(progress));
  } catch {
    // A browser that keeps nothing begins afresh.
  }
}

/** The same progress, and this step. */
export function withStep(progress: Progress, name: string, step: number): Progress {
  const seen = progress[name] ?? [];
  if (seen.includes(step)) return progress;
  return { ...progress, [name]: [...seen, step].sort((a, b) => a - b) };
}

/** Steps seen of a lesson that has `steps`; a lesson may have lost some since. */
export function seenOf(progress: Progress, name: string, steps: number): number {
  return (progress[name] ?? []).filter((step) => step <= steps).length;
}

/** The first step that was not seen, or 1 where all were. */
export function nextStep(progress: Progress, name: string, steps: number): number {
  const seen = progress[name] ?? [];
  for (let step = 1; step <= steps; step++) if (!seen.includes(step)) return step;
  return 1;
}

function isProgress(value: unknown): value is Progress {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return Object.values(value).every(
    (steps) => Array.isArray(steps) && steps.every((step) => Number.isInteger(step)),
  );
}
