/** Milliseconds of one frame in which painters begin; what is left is painted in the next frames. */
const LEAST_MS = 1.5;
const MOST_MS = 8;
/** Frames that one round of all painters is spread over while these limits allow. */
const FRAMES = 3;

/** Paints what has changed; false: there is more to paint in the next frame. */
type Painter = () => unknown;

/**
 * One animation-frame loop for everything that is drawn. A frame is asked for only when something
 * has changed, so a paused page costs nothing and a hidden tab draws nothing. Painters whose turn
 * does not come in a frame are the first of the next: much to draw makes each picture come less
 * often, but no frame late.
 */
export class FrameLoop {
  /** Frames drawn so far. */
  drawn = 0;
  /** Painters, and the milliseconds that each took last. */
  private readonly painters = new Map<Painter, number>();
  /** What is still to be painted, those that wait longest first. */
  private readonly due = new Set<Painter>();
  private asked = 0;

  add(paint: Painter): () => void {
    this.painters.set(paint, 0);
    this.ask();
    return () => {
      this.painters.delete(paint);
      this.due.delete(paint);
    };
  }

  /** Draw at the next frame. */
  ask(): void {
    for (const paint of this.painters.keys()) this.due.add(paint);
    this.schedule();
  }

  stop(): void {
    cancelAnimationFrame(this.asked);
    this.asked = 0;
    this.painters.clear();
    this.due.clear();
  }

  private schedule(): void {
    if (this.asked === 0) this.asked = requestAnimationFrame(() => this.draw());
  }

  private draw(): void {
    this.asked = 0;
    this.drawn += 1;
    const began = performance.now();
    const budget = this.budget();
    let now = began;
    // A painter may ask for another frame: it is not drawn twice in this one.
    for (const paint of [...this.due]) {
      if (now - began >= budget) break;
      // One that was drawn before it may have taken it away.
      if (!this.due.delete(paint)) continue;
      const isDone = paint() !== false;
      const end = performance.now();
      if (this.painters.has(paint)) {
        this.painters.set(paint, end - now);
        if (!isDone) this.due.add(paint);
      }
      now = end;
    }
    if (this.due.size > 0) this.schedule();
  }

  private budget(): number {
    let round = 0;
    for (const cost of this.painters.values()) round += cost;
    return Math.min(MOST_MS, Math.max(LEAST_MS, round / FRAMES));
  }
}
