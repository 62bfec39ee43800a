import { decode } from "@msgpack/msgpack";

/** Consecutive rows of one run: row i belongs to step `first + i * every`. */
export interface Block {
  run: string;
  first: number;
  every: number;
  rows: number;
  columns: Record<string, [dtype: "f4" | "f8", bytes: Uint8Array]>;
}

/** A batch of rows of one experiment; `seq` counts from 1 without gaps. */
export interface Frame {
  v: number;
  seq: number;
  blocks: Block[];
}

export const FRAME_VERSION = 1;

/** The frame in a binary message. Throws a sentence that names what is wrong. */
export function decodeFrame(data: ArrayBuffer | Uint8Array): Frame {
  const frame = decode(data instanceof Uint8Array ? data : new Uint8Array(data)) as Frame;
  if (frame?.v !== FRAME_VERSION || !Number.isInteger(frame.seq) || !Array.isArray(frame.blocks)) {
    throw new Error(`a frame of version ${FRAME_VERSION} was expected; reload the page`);
  }
  return frame;
}

/** A view of a column's numbers; bytes are copied only where the alignment forces it. */
export function numbersOf(dtype: "f4" | "f8", bytes: Uint8Array): Float32Array | Float64Array {
  const size = dtype === "f8" ? 8 : 4;
  const aligned = bytes.byteOffset % size === 0 ? bytes : bytes.slice();
  const length = aligned.byteLength / size;
  return dtype === "f8"
    ? new Float64Array(aligned.buffer, aligned.byteOffset, length)
    : new Float32Array(aligned.buffer, aligned.byteOffset, length);
}
