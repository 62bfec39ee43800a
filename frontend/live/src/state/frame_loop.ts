/**
 * One animation-frame loop for everything that is drawn. A frame is asked for only when something
 * has changed, so a paused page costs nothing and a hidden tab draws nothing.
 */
export class FrameLoop {
  /** Frames drawn so far. */
  drawn = 0;
  private readonly painters = new Set<() => void>();
  private asked = 0;

  add(paint: () => void): () => void {
    this.painters.add(paint);
    this.ask();
    return () => this.painters.delete(paint);
  }

  /** Draw at the next frame. */
  ask(): void {
    if (this.asked === 0) this.asked = requestAnimationFrame(() => this.draw());
  }

  stop(): void {
    cancelAnimationFrame(this.asked);
    this.asked = 0;
    this.painters.clear();
  }

  private draw(): void {
    this.asked = 0;
    this.drawn += 1;
    for (const paint of this.painters) paint();
  }
}
