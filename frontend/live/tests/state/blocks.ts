import { encode } from "@msgpack/msgpack";
import type { Block, Frame } from "../../src/state/wire.ts";

/** A block of float64 columns, as a worker would send it. */
export function block(
  run: string,
  first: number,
  columns: Record<string, number[]>,
  every = 1,
): Block {
  const rows = Object.values(columns)[0]?.length ?? 0;
  const packed = Object.entries(columns).map(([name, values]) => [
    name,
    ["f8", new Uint8Array(new Float64Array(values).buffer)],
  ]);
  return { run, first, every, rows, columns: Object.fromEntries(packed) };
}

export function frame(seq: number, blocks: Block[]): Frame {
  return { v: 1, seq, blocks };
}

export function bytes(whole: Frame): Uint8Array {
  return encode(whole);
}
