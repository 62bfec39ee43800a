import type { Column } from "./types.ts";

/** Whether row i of one column is row i of the other; of a past that is still being read it may not be. */
export function areAligned(one: Column, other: Column): boolean {
  const n = Math.min(one.n, other.n);
  if (n === 0) return false;
  const last = n - 1;
  return one.steps[0] === other.steps[0] && one.steps[last] === other.steps[last];
}
