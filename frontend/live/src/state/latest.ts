/**
 * Sends the newest value and never more than one at a time: while one is on its way, later ones
 * replace each other. A dragged slider so makes no queue, and its last value always arrives.
 */
export class Latest<T> {
  private pending: { value: T } | null = null;
  private running: Promise<void> | null = null;

  constructor(
    private readonly send: (value: T) => Promise<unknown>,
    private readonly failed: (error: unknown) => void,
  ) {}

  /** True while a value is on its way or waiting. */
  get busy(): boolean {
    return this.running !== null;
  }

  /** Resolves once nothing is on its way any more. */
  push(value: T): Promise<void> {
    this.pending = { value };
    this.running ??= this.drain();
    return this.running;
  }

  private async drain(): Promise<void> {
    while (this.pending) {
      const { value } = this.pending;
      this.pending = null;
      try {
        await this.send(value);
      } catch (error) {
        if (!this.pending) this.failed(error);
      }
    }
    this.running = null;
  }
}
