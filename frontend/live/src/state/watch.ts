/** One tensor of one run; of other views, what of the run is wanted. */
export interface Watched {
  /** Empty is all of them. */
  run: string;
  tensor: string;
}

/** After so long without a picture somebody else has probably ended the watch. */
export const PATIENCE_MS = 3000;

/**
 * Asks the job for pictures of what is looked at, and ends that when nobody looks. One request is
 * under way at a time; of those that wait only the newest is sent.
 */
export class Watch {
  private wanted: Watched | null = null;
  private sent = "";
  private sending = false;
  private heard = 0;

  constructor(
    private readonly send: (target: Watched | null) => Promise<unknown>,
    private readonly now: () => number = () => performance.now(),
    private readonly patience = PATIENCE_MS,
  ) {}

  /** What is looked at now; null is nothing. Cheap where that has not changed. */
  want(target: Watched | null): void {
    this.wanted = target;
    void this.bring();
  }

  /** A picture has come, of whatever. */
  arrived(): void {
    this.heard = this.now();
  }

  /** Steps are made: asks again where pictures have stopped. */
  stepped(): void {
    if (this.wanted === null || this.sending) return;
    if (this.now() - this.heard < this.patience) return;
    this.sent = "";
    void this.bring();
  }

  private async bring(): Promise<void> {
    if (this.sending) return;
    this.sending = true;
    while (this.sent !== key(this.wanted)) {
      const target = this.wanted;
      this.sent = key(target);
      this.heard = this.now();
      // Without an answer there is no picture: what can be drawn without one is drawn.
      await this.send(target).catch(() => undefined);
    }
    this.sending = false;
  }
}

const key = (target: Watched | null): string =>
  target === null ? "" : `${target.run}\n${target.tensor}`;
