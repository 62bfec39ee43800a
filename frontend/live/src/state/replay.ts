/** Plays recorded steps again from the one looked at: the step looked at moves, and every chart with it. */

import { type Signal, signal } from "@preact/signals";
import type { FrameLoop } from "./frame_loop.ts";

/** How fast; a number is a factor of the experiment's own pace. */
export type Pace = number | "whole";

export const PACES: readonly Pace[] = [0.25, 1, 4, 16, "whole"];

/** Steps a second where an experiment trains as fast as it can. */
const USUAL = 60;
/** Seconds in which all that is recorded is played. */
const WHOLE_SECONDS = 10;

/** What is replayed of an experiment. */
export interface Replayed {
  readonly cursor: Signal<number | null>;
  readonly experiment: { peek(): { speed: number } };
  readonly head: number;
  readonly shownStep: number;
}

export function stepsPerSecond(pace: Pace, speed: number, head: number): number {
  if (pace === "whole") return Math.max(1, head / WHOLE_SECONDS);
  return pace * (speed > 0 ? speed : USUAL);
}

export class Replay {
  readonly playing = signal(false);
  readonly pace = signal<Pace>(1);
  private stop: (() => void) | null = null;

  constructor(private readonly loop: FrameLoop) {}

  /** Plays on from the step looked at; from the first one where the newest is. */
  play(session: Replayed): void {
    this.pause();
    if (session.head < 2) return;
    let at = session.cursor.peek() ?? 1;
    let before = performance.now();
    let shown = at;
    session.cursor.value = at;
    this.playing.value = true;
    this.stop = this.loop.add(() => {
      const now = performance.now();
      const seen = session.cursor.peek();
      // Somebody moved the thumb, or went back to the newest step.
      if (seen === null) return this.pause();
      if (seen !== shown) at = seen;
      const { speed } = session.experiment.peek();
      // A tab that was hidden goes on from where it was.
      at +=
        Math.min(1, (now - before) / 1000) * stepsPerSecond(this.pace.peek(), speed, session.head);
      before = now;
      if (at >= session.head) {
        session.cursor.value = null;
        return this.pause();
      }
      shown = Math.floor(at);
      session.cursor.value = shown;
      this.loop.ask();
    });
  }

  pause(): void {
    this.stop?.();
    this.stop = null;
    this.playing.value = false;
  }

  turn(session: Replayed): void {
    if (this.playing.peek()) this.pause();
    else this.play(session);
  }
}
