/** Milliseconds of such work in one frame, and how long a frame is taken to be. */
const BUDGET_MS = 4;
const FRAME_MS = 14;

/**
 * Shares out work that can wait, so that no frame is late for it. What belongs together is done
 * together: a chart that has some of its lines anew has to be painted for each.
 */
export class Turns {
  private began = Number.NEGATIVE_INFINITY;
  private spent = 0;
  private current = "";

  /** Whether work of this kind may be done now. */
  admits(kind: string): boolean {
    const now = performance.now();
    if (now - this.began >= FRAME_MS + this.spent) {
      this.began = now;
      this.spent = 0;
      this.current = "";
    }
    if (kind !== this.current && this.spent >= BUDGET_MS) return false;
    this.current = kind;
    return true;
  }

  /** So many milliseconds were taken. */
  spend(ms: number): void {
    this.spent += ms;
  }
}
