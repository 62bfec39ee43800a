import { encode } from "@msgpack/msgpack";
import type { Minimum } from "../../src/state/swarm.ts";

/** One picture as a list of (minimum, step) a start, row by row; null where none was reached. */
export type Starts = ([which: number, step: number] | null)[];

export interface Answer {
  n: number;
  steps: number;
  minima?: Minimum[];
  pictures: Starts[];
}

export const TWO: Minimum[] = [
  { x: -1, y: 0, kind: "minimum" },
  { x: 1, y: 0.5, kind: "local minimum" },
];

/** The bytes of a server's answer: little-endian numbers inside MessagePack. */
export function answer({ n, steps, minima = TWO, pictures }: Answer): Uint8Array {
  return encode({
    v: 1,
    n,
    steps,
    masks: "own",
    seed: 0,
    x: [-2, 2],
    y: [-1, 1],
    minima,
    seconds: 0.04,
    compiled: false,
    pictures: pictures.map((starts) => pictureOf(starts, steps, minima.length)),
  });
}

function pictureOf(starts: Starts, steps: number, minima: number) {
  const at = new DataView(new ArrayBuffer(2 * starts.length));
  starts.forEach((start, i) => {
    at.setUint16(2 * i, start?.[1] ?? 65535, true);
  });
  const share = (test: (start: [number, number]) => boolean) =>
    starts.filter((start) => start && test(start)).length / starts.length;
  const curve = new DataView(new ArrayBuffer(4 * (steps + 1)));
  for (let step = 0; step <= steps; step++) {
    curve.setFloat32(
      4 * step,
      share(([, taken]) => taken <= step),
      true,
    );
  }
  const taken = starts.flatMap((start) => (start ? [start[1]] : [])).sort((a, b) => a - b);
  return {
    which: Uint8Array.from(starts, (start) => start?.[0] ?? 255),
    reached_at: new Uint8Array(at.buffer),
    curve: new Uint8Array(curve.buffer),
    reached: share(() => true),
    median: taken[taken.length >> 1] ?? null,
    shares: Array.from({ length: minima }, (_, k) => share(([which]) => which === k)),
    diverged: 0,
  };
}
