/** From one state of a picture to the next, within a moment. */

const DURATION_MS = 450;

/** 0 to 1 with a soft start and end. */
export const eased = (share: number): number => share * share * (3 - 2 * share);

/** Asks for frames while something is on its way, and says how far it is. */
export class Glide {
  private begun: number | null = null;
  private frame = 0;

  constructor(private readonly draw: () => void) {}

  /** Begins anew; with `still` (or where motion is not wanted) the end is reached at once. */
  start(still: boolean): void {
    this.stop();
    if (still || matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    this.begun = performance.now();
    this.ask();
  }

  /** 1 where nothing moves. */
  get share(): number {
    if (this.begun === null) return 1;
    return eased(Math.min(1, (performance.now() - this.begun) / DURATION_MS));
  }

  stop(): void {
    cancelAnimationFrame(this.frame);
    this.begun = null;
  }

  private ask(): void {
    this.frame = requestAnimationFrame(() => {
      if (this.share >= 1) this.begun = null;
      else this.ask();
      this.draw();
    });
  }
}
