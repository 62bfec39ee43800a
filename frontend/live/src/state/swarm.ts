import { decode } from "@msgpack/msgpack";
import type { SurfaceInfo, SwarmIn } from "../protocol.ts";

/** Thousands of starts to train on a surface, once for every run; nothing is left to defaults. */
export type SwarmAsk = Required<SwarmIn>;
export type Masks = SwarmAsk["masks"];

export interface Minimum {
  x: number;
  y: number;
  kind: "minimum" | "local minimum";
}

/** In `which`: this start reached no minimum. */
export const NO_MINIMUM = 255;

/** Where one run's starts ended. Start (i, j) began at row i of y and column j of x, both ascending. */
export interface SwarmPicture {
  /** Index of the minimum that a start reached first; `NO_MINIMUM` for none. */
  which: Uint8Array;
  /** The first step at which it was there, 0 if it began there. */
  reachedAt: Uint16Array;
  /** Share of all starts that have reached a minimum by step 0 … steps. */
  curve: Float32Array;
  reached: number;
  /** Median step of those that reached a minimum; null where none did. */
  median: number | null;
  /** Share of all starts that reached each minimum. */
  shares: number[];
  diverged: number;
}

export interface Swarm {
  n: number;
  steps: number;
  masks: Masks;
  x: [number, number];
  y: [number, number];
  minima: Minimum[];
  /** Time to compute, without compiling or waiting. */
  seconds: number;
  compiled: boolean;
  /** One a run, in the order asked for. */
  pictures: SwarmPicture[];
}

/** A surface's minima in the order of a swarm's; known before the first answer. */
export function minimaOf(surface: SurfaceInfo | null | undefined): Minimum[] {
  return (surface?.points ?? []).flatMap(({ x, y, kind }) =>
    kind === "saddle" ? [] : [{ x, y, kind }],
  );
}

const SWARM_VERSION = 1;

type Wire = Omit<Swarm, "pictures"> & {
  v: number;
  pictures: (Omit<SwarmPicture, "which" | "reachedAt" | "curve"> & {
    which: Uint8Array;
    reached_at: Uint8Array;
    curve: Uint8Array;
  })[];
};

/** A swarm from the server's MessagePack. Throws a sentence that names what is wrong. */
export function decodeSwarm(data: ArrayBuffer | Uint8Array): Swarm {
  const wire = decode(data instanceof Uint8Array ? data : new Uint8Array(data)) as Wire;
  if (wire?.v !== SWARM_VERSION || !Array.isArray(wire.pictures)) {
    throw new Error(`a swarm of version ${SWARM_VERSION} was expected; reload the page`);
  }
  const { v: _, pictures, ...rest } = wire;
  return {
    ...rest,
    pictures: pictures.map(({ reached_at, which, curve, ...numbers }) => ({
      ...numbers,
      which,
      // Copied: their bytes lie at any offset.
      reachedAt: new Uint16Array(reached_at.slice().buffer),
      curve: new Float32Array(curve.slice().buffer),
    })),
  };
}
