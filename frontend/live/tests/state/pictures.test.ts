import { describe, expect, it } from "vitest";
import { Pictures, SKETCH } from "../../src/state/pictures.ts";

const row = (value: number) => Array.from({ length: SKETCH }, () => value);
const plane = (step: number) => ({
  map: [row(step), row(-step)],
  offset: [0, 0],
  explained: [0.6, 0.26],
  fit: 0.99,
  step,
});
const say = (pictures: Pictures, name: string, content: Record<string, unknown>) =>
  pictures.take({ name, content });
const grid = {
  directions: "plane",
  run: "r1",
  step: 7,
  x: [0, 1],
  y: [0, 1],
  z: [
    [1, 2],
    [null, 4],
  ],
  progress: 1,
};

describe("pictures", () => {
  it("keeps a contour with the map of its own plane, and the old one until a new one is there", () => {
    const pictures = new Pictures();
    say(pictures, "plane", plane(1));
    say(pictures, "contour", { directions: "plane", run: "r1", step: 7, progress: 0 });
    expect(pictures.progress.value).toBe(0);
    say(pictures, "plane", plane(2));
    say(pictures, "contour", { directions: "plane", run: "r1", step: 7, progress: 1 });
    expect(pictures.contour.value).toBeNull();
    say(pictures, "contour", { ...grid, map: plane(1).map });
    expect(pictures.progress.value).toBeNull();
    expect(pictures.contour.value?.map).toEqual(plane(1).map);
    say(pictures, "contour", { directions: "plane", run: "r1", step: 9, progress: 0.5 });
    expect(pictures.contour.value?.step).toBe(7);
  });

  it("a page that opens later knows a contour's plane from it alone; around a run there is none", () => {
    const pictures = new Pictures();
    say(pictures, "plane", plane(3));
    say(pictures, "contour", { ...grid, map: plane(1).map });
    expect(pictures.contour.value?.map).toEqual(plane(1).map);
    expect(pictures.plane.value?.step).toBe(3);
    say(pictures, "contour", { ...grid, directions: "filter" });
    expect(pictures.contour.value?.map).toBeNull();
  });

  it("decodes a mask's picture", () => {
    const pictures = new Pictures();
    say(pictures, "picture", {
      run: "r2",
      step: 12,
      tensor: "fc1.weight",
      rows: 1,
      columns: 3,
      data: btoa(String.fromCharCode(0, 1, 255)),
      scale: null,
      shown: "all of it",
      keep_rate: 0.5,
      ages: { labels: ["0", "1"], counts: [2, 1] },
      touched: { "100": null, "1": 0.5, "10": 0.9 },
      overlap: 0.33,
      overlap_expected: null,
    });
    const picture = pictures.picture.value;
    expect([...(picture?.pixels ?? [])]).toEqual([0, 1, 255]);
    expect(picture?.touched.map(({ steps }) => steps)).toEqual([1, 10, 100]);
    expect(picture?.touched[2]?.share).toBeNaN();
    expect(picture?.expected).toBeNaN();
    expect(picture?.scale).toBeNaN();
  });

  it("tells what could not be made and whose it was, until it is, and keeps what was there", () => {
    const pictures = new Pictures();
    const error = "OutOfMemoryError: no room";
    say(pictures, "contour", { directions: "plane", run: "r1", step: 7, progress: 0.4 });
    say(pictures, "contour", { error, run: null });
    expect(pictures.progress.value).toBeNull();
    expect(pictures.failure("contour", null)).toContain(error);
    say(pictures, "layers", { step: 4, runs: [] });
    say(pictures, "layers", { error, run: "r2" });
    say(pictures, "samples", { error, run: "r2" });
    expect(pictures.layers.value?.step).toBe(4);
    expect(pictures.failure("layers", "r2")).toContain(error);
    expect(pictures.failure("layers", "r1")).toBe("");
    expect(pictures.failure("layers", null)).toBe("");
    say(pictures, "layers", { step: 5, runs: [] });
    expect(pictures.failure("layers", "r2")).toBe("");
    expect(pictures.failure("samples", "r2")).toContain(error);
  });

  it("leaves other messages alone", () => {
    const pictures = new Pictures();
    say(pictures, "usage", { cpu: 1 });
    say(pictures, "plane", { map: [] });
    expect(pictures.plane.value).toBeNull();
  });
});
