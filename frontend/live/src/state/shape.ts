import type { Experiment, Grid, ProblemInfo, SurfaceInfo, SurfaceOut, Value } from "../protocol.ts";

export type Settings = Record<string, Value>;

const STARTS = ["start_x", "start_y"];

/** The settings that a surface's shape depends on: all but where a run begins. */
export function shapeOf(settings: Settings): Settings {
  return Object.fromEntries(Object.entries(settings).filter(([name]) => !STARTS.includes(name)));
}

/** Whether a surface is as the catalogue has it. */
export function isPlain(settings: Settings, problem: ProblemInfo | undefined): boolean {
  const defaults = new Map(problem?.settings.map((one) => [one.name, one.default]));
  return Object.entries(shapeOf(settings)).every(([name, value]) => defaults.get(name) === value);
}

/** JSON has no NaN: it comes as a text. */
export function withNumbers({ surface, grid }: SurfaceOut): SurfaceOut {
  return { surface, grid: { ...grid, z: grid.z.map((row) => row.map(Number)) } satisfies Grid };
}

type Point = { x: number; y: number };

/** Where a point of the surface before it is turned comes to. */
export function turned(surface: SurfaceInfo, point: Point): Point {
  return by(surface, surface.rotation, point);
}

/** Where a point of the drawn plane was before the surface was turned. */
export function turnedBack(surface: SurfaceInfo, point: Point): Point {
  return by(surface, -surface.rotation, point);
}

function by({ pivot: [px, py] }: SurfaceInfo, degrees: number, { x, y }: Point): Point {
  if (degrees === 0) return { x, y };
  const angle = (degrees * Math.PI) / 180;
  const [cosine, sine] = [Math.cos(angle), Math.sin(angle)];
  const [dx, dy] = [x - px, y - py];
  return { x: px + cosine * dx - sine * dy, y: py + sine * dx + cosine * dy };
}

/** The start of an experiment's runs, before its surface is turned. */
export function startOf({ settings }: Experiment): Point {
  return { x: Number(settings.start_x), y: Number(settings.start_y) };
}

/** A pointed-at place as settings of the start: no finer than a pixel can be. */
export function startAt(surface: SurfaceInfo, plane: Point): { start_x: number; start_y: number } {
  const back = turnedBack(surface, plane);
  const fine = (value: number, [low, high]: [number, number]) => {
    const digits = Math.max(0, Math.ceil(-Math.log10((high - low) / 2000)));
    return Number(value.toFixed(Math.min(12, digits)));
  };
  return { start_x: fine(back.x, surface.x), start_y: fine(back.y, surface.y) };
}
