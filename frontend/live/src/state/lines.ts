import { decode } from "@msgpack/msgpack";
import { numbersOf } from "./wire.ts";

type Numbers = Float32Array | Float64Array;

/** What the server gave of one column of a run. */
export interface Piece {
  /** Steps of its rows; of buckets the last step of each. */
  steps: Numbers;
  /** Values of its rows; of buckets that of the last row of each. */
  values: Numbers;
  /** Rows between these are missing. */
  thin: boolean;
  /** Entry i is about the rows up to `steps[i]`. */
  buckets: PieceBuckets | null;
}

export interface PieceBuckets {
  first: Numbers;
  /** Rows that are not finite. */
  bad: Numbers;
  low: Numbers;
  high: Numbers;
  mean: Numbers;
}

/** Columns of all runs as of frame `seq`. */
export interface LinesAnswer {
  seq: number;
  /** Of each run that has rows its newest step, and the names of all its columns. */
  runs: Map<string, { last: number; names: Set<string> }>;
  /** By `keyOf` run and name. */
  pieces: Map<string, Piece>;
}

export const keyOf = (run: string, name: string): string => `${run}\n${name}`;

export const LINES_VERSION = 1;

type Packed = ["f4" | "f8", Uint8Array];

interface Wire {
  v: number;
  seq: number;
  runs: Record<string, { last: number; names: string[] }>;
  lines: ({ run: string; name: string } & Record<string, Packed | boolean | string>)[];
}

/** The server's answer. Throws a sentence that names what is wrong. */
export function decodeLines(data: ArrayBuffer | Uint8Array): LinesAnswer {
  const wire = decode(data instanceof Uint8Array ? data : new Uint8Array(data)) as Wire;
  if (wire?.v !== LINES_VERSION || !Array.isArray(wire.lines)) {
    throw new Error(`lines of version ${LINES_VERSION} were expected; reload the page`);
  }
  const runs = Object.entries(wire.runs).map(
    ([run, { last, names }]) => [run, { last, names: new Set(names) }] as const,
  );
  const pieces = wire.lines.map((line) => [keyOf(line.run, line.name), pieceOf(line)] as const);
  return { seq: wire.seq, runs: new Map(runs), pieces: new Map(pieces) };
}

function pieceOf(line: Wire["lines"][number]): Piece {
  const numbers = (name: string) => {
    // Copied: the answer as a whole need not be kept for a part of it.
    const [dtype, bytes] = line[name] as Packed;
    return numbersOf(dtype, bytes.slice());
  };
  if (line.first === undefined) {
    const thin = line.thin === true;
    return { steps: numbers("steps"), values: numbers("values"), thin, buckets: null };
  }
  const [first, bad, low] = [numbers("first"), numbers("bad"), numbers("low")];
  const buckets = { first, bad, low, high: numbers("high"), mean: numbers("mean") };
  return { steps: numbers("last"), values: numbers("final"), thin: true, buckets };
}
