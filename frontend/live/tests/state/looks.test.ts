import { describe, expect, it } from "vitest";
import { mixed, pixelsOf } from "../../src/charts/sample_pixels.ts";
import { Pictures } from "../../src/state/pictures.ts";

const about = { run: "r1", step: 3, total: 2, right: 1, classes: ["a", "b"] };

describe("samples", () => {
  it("come with their pixels", () => {
    const pictures = new Pictures();
    const sizes = { height: 1, width: 2, channels: 1, looks: 1, order: "fixed", samples: [] };
    const data = btoa(String.fromCharCode(0, 255, 16, 32));
    pictures.take({ name: "samples", content: { ...about, ...sizes, kind: "pictures", data } });
    const view = pictures.samples.value;
    if (view?.kind !== "pictures") throw new Error("no pictures");
    // Grey is the amount of ink.
    expect([...pixelsOf(view, 1, [1, 2, 3])]).toEqual([1, 2, 3, 16, 1, 2, 3, 32]);
    const photo = { ...view, width: 1, channels: 3, data: Uint8Array.of(0, 0, 0, 7, 8, 9) };
    expect([...pixelsOf(photo, 1, [1, 2, 3])]).toEqual([7, 8, 9, 255]);
    expect(mixed([0, 0, 0], [100, 50, 10], 0.5)).toEqual([50, 25, 5]);
  });

  it("of a kind that this page does not know are none", () => {
    const pictures = new Pictures();
    pictures.take({ name: "samples", content: { ...about, kind: "sounds" } });
    expect(pictures.samples.value).toBeNull();
    const text = { passage: "ab", likeliest: "b", probability: [null], prompt: "a", written: "b" };
    pictures.take({ name: "samples", content: { ...about, kind: "text", ...text } as never });
    expect(pictures.samples.value).toMatchObject({ kind: "text", probability: [Number.NaN] });
  });
});
