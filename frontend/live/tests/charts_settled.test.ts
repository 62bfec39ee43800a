import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Overlap } from "../src/charts/coincide.ts";
import type { Frame } from "../src/charts/line_shape.ts";
import { type Basis, Settled } from "../src/charts/settled.ts";

const FRAME: Frame = { width: 200, height: 50, ratio: 1, x: [0, 100], y: [0, 1], scale: "linear" };

describe("the settled part of a chart", () => {
  let now = 0;
  let frames: (() => void)[] = [];
  let again = 0;
  let log: string[] = [];
  let version = 0;
  const context = () => {
    const nothing = () => undefined;
    const names = ["setTransform", "save", "restore", "beginPath", "rect", "clip", "drawImage"];
    return Object.fromEntries(names.map((name) => [name, nothing]));
  };
  const chart = {
    ...context(),
    drawImage: (picture: { version: number }) => log.push(`picture ${picture.version}`),
  } as unknown as CanvasRenderingContext2D;
  /** Two lines; each takes two milliseconds. */
  const painters = {
    *whole(on: CanvasRenderingContext2D): Generator<void, Overlap[][]> {
      const { canvas } = on as unknown as { canvas: { version: number } };
      canvas.version = version;
      for (const line of "ab") {
        log.push(`${line}${version}`);
        now += 2;
        yield;
      }
      return [[{ from: 0, to: version, level: 1 }]];
    },
    tail: (column: number, covers: readonly Overlap[][]) =>
      log.push(`tail ${column} ${covers[0]?.[0]?.to}`),
  };
  const settled = () => new Settled(() => (again += 1));
  const paint = (on: Settled, basis: Basis, newest: number): string => {
    log = [];
    on.paint(chart, FRAME, basis, newest, painters);
    return log.join(", ");
  };
  const pass = (): string => {
    log = [];
    const asked = frames;
    frames = [];
    for (const draw of asked) draw();
    return log.join(", ");
  };

  beforeEach(() => {
    vi.useFakeTimers();
    [now, frames, again, version] = [0, [], 0, 1];
    vi.spyOn(performance, "now").mockImplementation(() => now);
    vi.stubGlobal("requestAnimationFrame", (draw: () => void) => frames.push(draw));
    vi.stubGlobal("document", {
      createElement: () => {
        const canvas = { version: 0, width: 0, height: 0, getContext: (): unknown => made };
        const made = { ...context(), canvas };
        return canvas;
      },
    });
  });

  afterEach(() => {
    vi.restoreAllMocks();
    vi.unstubAllGlobals();
    vi.useRealTimers();
  });

  it("is painted at once where it looks different, and kept while rows are added", () => {
    const on = settled();
    const basis = { look: "x", points: "p" };
    expect(paint(on, basis, 20)).toBe("a1, b1, picture 1, tail 14 1");
    version = 2;
    expect(paint(on, basis, 30)).toBe("picture 1, tail 14 1");
    expect(paint(on, { ...basis, look: "y" }, 30)).toBe("a2, b2, picture 2, tail 24 2");
    expect(frames).toEqual([]);
  });

  it("is painted line by line between the frames where it only has other points", () => {
    const on = settled();
    paint(on, { look: "x", points: "p" }, 20);
    version = 2;
    const basis = { look: "x", points: "q" };
    // Other lines may have theirs in a moment.
    expect([paint(on, basis, 21), paint(on, basis, 21), frames.length]).toEqual([
      "picture 1, tail 14 1",
      "picture 1, tail 14 1",
      0,
    ]);
    vi.advanceTimersByTime(60);
    expect(again).toBe(1);
    expect(paint(on, basis, 22)).toBe("picture 1, tail 14 1");
    // Two of them are more than a frame has time for.
    expect([pass(), again]).toEqual(["a2, b2", 1]);
    expect(paint(on, basis, 23)).toBe("picture 1, tail 14 1");
    expect([pass(), again]).toEqual(["", 2]);
    expect(paint(on, basis, 23)).toBe("picture 2, tail 16 2");
    expect(frames).toEqual([]);
  });

  it("begins anew where the points change once more, and gives up where the look does", () => {
    const on = settled();
    paint(on, { look: "x", points: "p" }, 20);
    const calm = (points: string) => {
      for (let k = 0; k < 3; k++) paint(on, { look: "x", points }, 20);
    };
    calm("q");
    expect(pass()).toBe("a1, b1");
    calm("r");
    version = 2;
    expect(pass()).toBe("a2, b2");
    version = 3;
    expect(paint(on, { look: "y", points: "r" }, 20)).toBe("a3, b3, picture 3, tail 14 3");
    expect([pass(), again]).toEqual(["", 0]);
  });

  it("has a long end painted with the rest, at once where it is far too long", () => {
    const on = settled();
    const basis = { look: "x", points: "p" };
    paint(on, basis, 20);
    version = 2;
    for (let k = 0; k < 3; k++) expect(paint(on, basis, 40)).toBe("picture 1, tail 14 1");
    pass();
    pass();
    expect(paint(on, basis, 41)).toBe("picture 2, tail 34 2");
    version = 3;
    expect(paint(on, basis, 140)).toBe("a3, b3, picture 3, tail 134 3");
  });

  it("paints all anew for other lines", () => {
    const on = settled();
    const basis = { look: "x", points: "p" };
    paint(on, basis, 20);
    version = 2;
    on.forget();
    expect(paint(on, basis, 20)).toBe("a2, b2, picture 2, tail 14 2");
  });
});
