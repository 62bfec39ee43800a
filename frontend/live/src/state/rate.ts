/** Time over which a rate is measured. */
const WINDOW_MS = 4000;

/** Steps a second, from what was seen in the last few seconds. */
export class StepRate {
  private readonly seen: { at: number; step: number }[] = [];

  /** Takes in the newest step; gives the rate, NaN while that is not known. */
  update(at: number, step: number): number {
    const { seen } = this;
    if (step < (seen[seen.length - 1]?.step ?? 0)) seen.length = 0;
    seen.push({ at, step });
    while (seen.length > 2 && at - (seen[1]?.at ?? at) >= WINDOW_MS) seen.shift();
    const first = seen[0];
    if (first === undefined || at - first.at < WINDOW_MS / 4) return Number.NaN;
    return ((step - first.step) * 1000) / (at - first.at);
  }
}
