/** How long a frame is taken to be, besides such work. */
const FRAME_MS = 14;

/**
 * Shares out work that can wait, so that no frame is late for it: one kind of work has its turn
 * in a frame. What belongs together is of one kind, and is done in the same frame.
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
      this.current = kind;
    }
    return kind === this.current;
  }

  /** So many milliseconds were taken. */
  spend(ms: number): void {
    this.spent += ms;
  }
}
