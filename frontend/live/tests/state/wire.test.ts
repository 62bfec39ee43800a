import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { decodeFrame, numbersOf } from "../../src/state/wire.ts";

const page = readFileSync(new URL("../../../../docs/protocol.md", import.meta.url), "utf8");

function fenced(language: string): string {
  return page.split(`\`\`\`${language}\n`)[1]?.split("```")[0] ?? "";
}

/** The hexadecimal pairs at the start of every line; the words come after two spaces. */
function documented(): Uint8Array {
  const starts = fenced("hex").match(/^\s*(?:[0-9a-f]{2} {1,2})+/gm) ?? [];
  const pairs = starts.join(" ").match(/[0-9a-f]{2}/g) ?? [];
  return Uint8Array.from(pairs, (pair) => Number.parseInt(pair, 16));
}

describe("the frame in docs/protocol.md", () => {
  it("is read as what is written beside it", () => {
    const { v, seq, blocks } = decodeFrame(documented());
    const shown = blocks.map((block) => ({
      ...block,
      columns: Object.fromEntries(
        Object.entries(block.columns).map(([name, [dtype, bytes]]) => [
          name,
          [dtype, [...numbersOf(dtype, bytes)]],
        ]),
      ),
    }));
    expect({ v, seq, blocks: shown }).toEqual(JSON.parse(fenced("json")));
  });

  it("of another version is refused in words", () => {
    const bytes = documented();
    bytes[3] = 2;
    expect(() => decodeFrame(bytes)).toThrow("a frame of version 1 was expected; reload the page");
  });
});
