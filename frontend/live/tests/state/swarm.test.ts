import { describe, expect, it } from "vitest";
import { decodeSwarm } from "../../src/state/swarm.ts";
import { answer } from "./swarms.ts";

describe("decodeSwarm", () => {
  const bytes = answer({ n: 2, steps: 300, pictures: [[[0, 0], [1, 299], null, [1, 258]]] });

  it("reads numbers whatever the offset of their bytes", () => {
    // Bytes before the message shift every array by one.
    for (const before of [0, 1, 2, 3]) {
      const shifted = new Uint8Array(before + bytes.length);
      shifted.set(bytes, before);
      const { pictures, minima, n } = decodeSwarm(shifted.subarray(before));
      expect(n).toBe(2);
      expect(minima).toHaveLength(2);
      const [picture] = pictures;
      expect([...(picture?.which ?? [])]).toEqual([0, 1, 255, 1]);
      expect([...(picture?.reachedAt ?? [])]).toEqual([0, 299, 65535, 258]);
      expect(picture?.curve).toHaveLength(301);
      expect(picture?.curve[257]).toBe(0.25);
      expect(picture?.curve[258]).toBe(0.5);
      expect(picture?.curve[300]).toBe(0.75);
    }
  });

  it("refuses another version", () => {
    // A map {"v": 2} by hand.
    expect(() => decodeSwarm(new Uint8Array([0x81, 0xa1, 0x76, 0x02]))).toThrow(/version 1/);
  });
});
