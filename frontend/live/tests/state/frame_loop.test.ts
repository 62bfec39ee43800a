import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FrameLoop } from "../../src/state/frame_loop.ts";

describe("the frame loop", () => {
  let now = 0;
  let asked: (() => void)[] = [];
  let drawn: string[] = [];
  const frame = (): string => {
    drawn = [];
    const frames = asked;
    asked = [];
    for (const draw of frames) draw();
    return drawn.join("");
  };
  /** One that takes so many milliseconds. */
  const painter = (name: string, ms: number) => (): void => {
    drawn.push(name);
    now += ms;
  };

  beforeEach(() => {
    [now, asked] = [0, []];
    vi.spyOn(performance, "now").mockImplementation(() => now);
    vi.stubGlobal("requestAnimationFrame", (draw: () => void) => asked.push(draw));
    vi.stubGlobal("cancelAnimationFrame", () => {
      asked = [];
    });
  });

  afterEach(() => {
    vi.restoreAllMocks();
    vi.unstubAllGlobals();
  });

  it("draws all in one frame where that is little, and nothing while nothing has changed", () => {
    const loop = new FrameLoop();
    for (const name of "abc") loop.add(painter(name, 0.1));
    expect([frame(), frame()]).toEqual(["abc", ""]);
    loop.ask();
    loop.ask();
    expect([frame(), frame(), loop.drawn]).toEqual(["abc", "", 2]);
  });

  it("spreads much over several frames, and lets nobody wait for those that come again", () => {
    const loop = new FrameLoop();
    for (const name of "abcdef") loop.add(painter(name, 3));
    expect(frame()).toBe("a");
    while (asked.length > 0) frame();
    // A round takes 18 ms: six in each of three frames.
    loop.ask();
    expect(frame()).toBe("ab");
    loop.ask();
    expect([frame(), frame(), frame(), frame()]).toEqual(["cd", "ef", "ab", ""]);
  });

  it("comes back to one that has more to paint, in the next frame", () => {
    const loop = new FrameLoop();
    let left = 2;
    loop.add(painter("a", 0.1));
    loop.add(() => {
      drawn.push("b");
      left -= 1;
      return left === 0;
    });
    expect([frame(), frame(), frame()]).toEqual(["ab", "b", ""]);
  });

  it("forgets one that was taken away, by whomever", () => {
    const loop = new FrameLoop();
    let remove = () => undefined as unknown;
    loop.add(() => remove());
    remove = loop.add(painter("b", 0.1));
    expect(frame()).toBe("");
    loop.ask();
    expect(frame()).toBe("");
  });
});
