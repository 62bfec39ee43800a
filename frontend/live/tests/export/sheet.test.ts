import { expect, it, vi } from "vitest";
import { sheetOf } from "../../src/export/sheet.ts";

vi.stubGlobal("document", { createElement: () => ({ getContext: () => null }) });

/** Where words are put, as [text, left edge, right edge]; a letter is as wide as without a canvas. */
function words(note: string, width: number, last: number): [string, number, number][] {
  const found: [string, number, number][] = [];
  const context = new Proxy({} as Record<string, unknown>, {
    get(kept, name) {
      if (name === "fillText") {
        return (text: string, x: number) => {
          const size = 6.5 * text.length;
          const left = kept.textAlign === "right" ? x - size : x;
          found.push([text, left, left + size]);
        };
      }
      return kept[name as string] ?? (() => undefined);
    },
  });
  const figure = {
    title: "Trajectories",
    note,
    width,
    height: 100,
    theme: "light" as const,
    ground: "#fff",
    runs: [],
    paint: () => undefined,
  };
  sheetOf(figure, "a source", "sans", last).paint(context as never, last || undefined);
  return found.filter(([text]) => text !== "a source");
}

it.each([180, 260, 320, 420])("the step stands clear of title and note, %d wide", (width) => {
  const found = words("the plane explains 93 %", width, 12_000);
  const step = found.find(([text]) => text.startsWith("step"));
  expect(step).toBeDefined();
  const [, left] = step as [string, number, number];
  const [title, note] = [found[0], found[1]] as [string, number, number][];
  expect(title?.[2]).toBeLessThan(left);
  // A note that does not fit between them stands in a line below.
  const beside = note?.[1] !== title?.[1];
  if (beside) expect(note?.[2]).toBeLessThan(left);
  expect(beside).toBe(width > 320);
});
