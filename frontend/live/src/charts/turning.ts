/** How keys and drags turn what is seen from the side. */

import type { Camera } from "./relief.ts";

/** Radians by which a key turns, and a drag over one pixel. */
const KEY = Math.PI / 24;
const DRAG = 0.009;
const TILTS: readonly [number, number] = [0.12, Math.PI / 2];

export const CAMERA: Camera = { turn: -0.45, tilt: 0.86 };

interface TurningKey {
  label: string;
  words: string;
  keys: Readonly<Record<string, (camera: Camera) => Camera>>;
}

/** What they do, and what the help says of it. */
export const TURNING_KEYS: readonly TurningKey[] = [
  {
    label: "← →",
    words: "turn it",
    keys: { ArrowLeft: (at) => turned(at, -KEY, 0), ArrowRight: (at) => turned(at, KEY, 0) },
  },
  {
    label: "↑ ↓",
    words: "look at it from lower or higher",
    keys: { ArrowUp: (at) => turned(at, 0, -KEY), ArrowDown: (at) => turned(at, 0, KEY) },
  },
  { label: "Home", words: "as it was at first", keys: { Home: () => ({ ...CAMERA }) } },
];

/** What a key makes of a camera; null where it means nothing. */
export function turnedBy(camera: Camera, key: string): Camera | null {
  const found = TURNING_KEYS.find(({ keys }) => key in keys);
  return found?.keys[key]?.(camera) ?? null;
}

/** After a drag over so many pixels. */
export const dragged = (camera: Camera, x: number, y: number): Camera =>
  turned(camera, x * DRAG, y * DRAG);

function turned(camera: Camera, turn: number, tilt: number): Camera {
  return {
    turn: camera.turn + turn,
    tilt: Math.min(TILTS[1], Math.max(TILTS[0], camera.tilt + tilt)),
  };
}
