import { signal } from "@preact/signals";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { FrameLoop } from "../../src/state/frame_loop.ts";
import { Replay, stepsPerSecond } from "../../src/state/replay.ts";

describe("replay", () => {
  let paint: (() => void) | null = null;
  const loop = {
    add: (draw: () => void) => {
      paint = draw;
      return () => {
        paint = null;
      };
    },
    ask: () => undefined,
  } as unknown as FrameLoop;
  const session = {
    cursor: signal<number | null>(null),
    experiment: signal({ speed: 60 }),
    head: 100,
    get shownStep() {
      return this.cursor.peek() ?? this.head;
    },
  };
  let now = 0;
  const pass = (seconds: number) => {
    now += 1000 * seconds;
    paint?.();
  };

  beforeEach(() => {
    now = 0;
    session.cursor.value = null;
    vi.spyOn(performance, "now").mockImplementation(() => now);
  });
  afterEach(() => void vi.restoreAllMocks());

  it("begins with the first step where the newest is looked at, and ends live", () => {
    const replay = new Replay(loop);
    replay.play(session);
    expect(session.cursor.value).toBe(1);
    pass(0.5);
    expect(session.cursor.value).toBe(31);
    pass(1);
    expect(session.cursor.value).toBe(91);
    pass(1);
    expect([session.cursor.value, replay.playing.value, paint]).toEqual([null, false, null]);
  });

  it("goes on from where it stands, or where the thumb was put, as fast as was chosen", () => {
    const replay = new Replay(loop);
    session.cursor.value = 20;
    replay.pace.value = 0.25;
    replay.play(session);
    pass(1 / 30);
    pass(1 / 30);
    pass(1 / 30);
    // A step and a half: less than a step a frame adds up.
    expect(session.cursor.value).toBe(21);
    session.cursor.value = 50;
    pass(1);
    expect(session.cursor.value).toBe(65);
    replay.turn(session);
    expect([replay.playing.value, paint]).toEqual([false, null]);
    expect(session.cursor.value).toBe(65);
  });

  it("ends when somebody goes back to the newest step", () => {
    const replay = new Replay(loop);
    replay.play(session);
    session.cursor.value = null;
    pass(0.1);
    expect([session.cursor.value, replay.playing.value]).toEqual([null, false]);
  });

  it("has a pace without a limit, and plays any length in ten seconds", () => {
    expect(stepsPerSecond(4, 20, 1000)).toBe(80);
    expect(stepsPerSecond(1, 0, 1000)).toBe(60);
    expect(stepsPerSecond("whole", 20, 1_000_000)).toBe(100_000);
  });
});
