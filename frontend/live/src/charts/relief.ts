/** A surface as a lit relief seen from the side: drawn pixel by pixel with a depth buffer. */

import type { Rgb } from "../look/palette.ts";
import { BANDS, bandEdges, type Grid, lowest } from "./contours.ts";

/** Where it is seen from: angle around the vertical, and height above the ground, in radians. */
export interface Camera {
  turn: number;
  tilt: number;
}

/** Cells a side of the drawn mesh. */
const CELLS = 88;
/** Numbers a corner has while it is drawn. */
const PARTS = 5;
/** Height of the relief; its ground has half sides of 1. */
const HEIGHT = 0.85;
/** Where light comes from: ahead of the viewer's left, from above. */
const LIGHT = normalised([-0.5, 0.45, 0.75]);
/** What is behind the surface by less than this is drawn as lying on it. */
const ON_TOP = 0.035;

type Vector = [number, number, number];

function normalised([x, y, z]: Vector): Vector {
  const size = Math.hypot(x, y, z);
  return [x / size, y / size, z / size];
}

/** How high a value stands, 0 to 1: the logarithm where the map's bands are spaced by it. */
export function heightScale(grid: Grid, minimum: number, log: boolean): (v: number) => number {
  const edges = bandEdges(grid, minimum, log);
  const [first, last] = [edges[0] as number, edges[edges.length - 1] as number];
  const floor = lowest(grid, minimum);
  const clip = (share: number) => Math.min(1, Math.max(0, share));
  // The lowest band begins a band's width below the first edge.
  const shareOf = (at: number, low: number, high: number) =>
    clip((at - low + (high - low) / (BANDS - 2)) / ((high - low) * (BANDS / (BANDS - 2))));
  if (!log) return (v) => shareOf(v, first, last);
  const lift = (v: number) => Math.log(Math.max(v - floor, 1e-300));
  return (v) => shareOf(lift(v), lift(first), lift(last));
}

export class Relief {
  /** Height at every corner of the mesh, row by row; NaN where there is no surface. */
  private readonly heights: Float32Array;
  private readonly normals: Float32Array;
  private readonly side = CELLS + 1;
  private depth = new Float32Array(0);
  private image: ImageData | null = null;
  private width = 0;
  private tall = 0;
  private finer = 1;
  private scale = 1;
  private middle: [number, number] = [0, 0];
  private eye = { cosTurn: 1, sinTurn: 0, cosTilt: 1, sinTilt: 0 };
  private readonly scaled: (v: number) => number;

  constructor(
    private readonly grid: Grid,
    minimum: number,
    log: boolean,
  ) {
    this.scaled = heightScale(grid, minimum, log);
    this.heights = this.sampled();
    this.normals = this.slopes();
  }

  /** Draws the surface for a camera; `colors` from the lowest band to the highest. */
  paint(width: number, height: number, camera: Camera, colors: readonly Rgb[]): ImageData {
    this.look(width, height, camera);
    const image = this.fresh(width, height);
    const pixels = new Uint32Array(image.data.buffer);
    const { side } = this;
    const corners = this.projected();
    const flat = Float32Array.from(colors.flat());
    const row = PARTS * side;
    for (let j = 0; j < CELLS; j++) {
      for (let i = 0; i < CELLS; i++) {
        const a = j * row + PARTS * i;
        this.fill(pixels, corners, a, a + PARTS, a + row, flat);
        this.fill(pixels, corners, a + PARTS, a + row + PARTS, a + row, flat);
      }
    }
    return image;
  }

  /** Where shares (0 to 1) of the ranges and a value are in the picture, and whether in sight. */
  place(u: number, v: number, value: number): { x: number; y: number; seen: boolean } | null {
    if (!(u >= 0 && u <= 1 && v >= 0 && v <= 1) || !Number.isFinite(value)) return null;
    const at = this.project(2 * u - 1, 2 * v - 1, HEIGHT * this.scaled(value));
    const [x, y] = [Math.round(at[0]), Math.round(at[1])];
    const inside = x >= 0 && y >= 0 && x < this.width && y < this.tall;
    const k = y * this.finer * this.width * this.finer + x * this.finer;
    const before = inside ? (this.depth[k] as number) : Number.POSITIVE_INFINITY;
    return { x: at[0], y: at[1], seen: at[2] <= before + ON_TOP };
  }

  /** Pixels of a side of the ground, where nothing shortens it. */
  get ground(): number {
    return 2 * this.scale;
  }

  /**
   * Places are asked for in pixels of this picture from now on.
   *
   * @param finer how many times as many pixels were drawn along each side
   */
  look(width: number, height: number, { turn, tilt }: Camera, finer = 1): void {
    [this.width, this.tall, this.finer] = [width, height, finer];
    this.eye = {
      cosTurn: Math.cos(turn),
      sinTurn: Math.sin(turn),
      cosTilt: Math.cos(tilt),
      sinTilt: Math.sin(tilt),
    };
    // Corners turn inside a circle; nothing moves out of the picture.
    const tallest = 2 * Math.SQRT2 * this.eye.sinTilt + HEIGHT * this.eye.cosTilt;
    this.scale = 0.94 * Math.min(width / (2 * Math.SQRT2), height / tallest);
    this.middle = [width / 2, height / 2 + (this.scale * HEIGHT * this.eye.cosTilt) / 2];
  }

  /** Pixels, and how far away; smaller is nearer. */
  private project(x: number, y: number, z: number): Vector {
    const { cosTurn, sinTurn, cosTilt, sinTilt } = this.eye;
    const across = x * cosTurn - y * sinTurn;
    const away = x * sinTurn + y * cosTurn;
    return [
      this.middle[0] + this.scale * across,
      this.middle[1] - this.scale * (away * sinTilt + z * cosTilt),
      away * cosTilt - z * sinTilt,
    ];
  }

  /** By corner: pixels, distance, height in bands, light. */
  private projected(): Float32Array {
    const { side, heights, normals } = this;
    const found = new Float32Array(side * side * PARTS);
    const { cosTurn, sinTurn } = this.eye;
    // Light stays with the viewer.
    const lx = LIGHT[0] * cosTurn + LIGHT[1] * sinTurn;
    const ly = -LIGHT[0] * sinTurn + LIGHT[1] * cosTurn;
    for (let k = 0; k < side * side; k++) {
      const height = heights[k] as number;
      const x = (2 * (k % side)) / CELLS - 1;
      const y = (2 * Math.floor(k / side)) / CELLS - 1;
      const at = this.project(x, y, HEIGHT * height);
      const lit =
        (normals[3 * k] as number) * lx +
        (normals[3 * k + 1] as number) * ly +
        (normals[3 * k + 2] as number) * LIGHT[2];
      found.set(at, PARTS * k);
      found[PARTS * k + 3] = height * BANDS;
      found[PARTS * k + 4] = 0.72 + 0.38 * Math.max(0, lit);
    }
    return found;
  }

  /** One triangle: interpolated along rows, with edge functions that grow by constants. */
  private fill(
    pixels: Uint32Array,
    corners: Float32Array,
    a: number,
    b: number,
    c: number,
    colors: Float32Array,
  ): void {
    const ax = corners[a] as number;
    const ay = corners[a + 1] as number;
    const abx = (corners[b] as number) - ax;
    const aby = (corners[b + 1] as number) - ay;
    const acx = (corners[c] as number) - ax;
    const acy = (corners[c + 1] as number) - ay;
    const area = abx * acy - acx * aby;
    // NaN, too, where there is no surface.
    if (!(Math.abs(area) > 1e-9)) return;
    const { width, tall, depth } = this;
    const left = Math.max(0, Math.ceil(ax + Math.min(0, abx, acx) - 0.01));
    const right = Math.min(width - 1, Math.floor(ax + Math.max(0, abx, acx) + 0.01));
    const top = Math.max(0, Math.ceil(ay + Math.min(0, aby, acy) - 0.01));
    const bottom = Math.min(tall - 1, Math.floor(ay + Math.max(0, aby, acy) + 0.01));
    // Shares of b and c at a pixel, and how they grow.
    const bx = acy / area;
    const by = -acx / area;
    const cx = -aby / area;
    const cy = abx / area;
    const d0 = corners[a + 2] as number;
    const db = (corners[b + 2] as number) - d0;
    const dc = (corners[c + 2] as number) - d0;
    const h0 = corners[a + 3] as number;
    const hb = (corners[b + 3] as number) - h0;
    const hc = (corners[c + 3] as number) - h0;
    const l0 = corners[a + 4] as number;
    const lb = (corners[b + 4] as number) - l0;
    const lc = (corners[c + 4] as number) - l0;
    // A band's first pixels make its line.
    const edge = Math.min(0.5, 0.8 * Math.hypot(hb * bx + hc * cx, hb * by + hc * cy));
    for (let y = top; y <= bottom; y++) {
      let sb = (left - ax) * bx + (y - ay) * by;
      let sc = (left - ax) * cx + (y - ay) * cy;
      for (let x = left; x <= right; x++, sb += bx, sc += cx) {
        // A little over the edge: neighbours leave no gap.
        if (sb < -1e-3 || sc < -1e-3 || sb + sc > 1.001) continue;
        const away = d0 + sb * db + sc * dc;
        const k = y * width + x;
        if (away >= (depth[k] as number)) continue;
        depth[k] = away;
        const height = h0 + sb * hb + sc * hc;
        const band = height >= BANDS ? BANDS - 1 : height > 0 ? height | 0 : 0;
        const line = band > 0 && height - band < edge ? 0.93 : 1;
        const light = (l0 + sb * lb + sc * lc) * line;
        const r = Math.min(255, (colors[3 * band] as number) * light);
        const g = Math.min(255, (colors[3 * band + 1] as number) * light);
        const blue = Math.min(255, (colors[3 * band + 2] as number) * light);
        pixels[k] = 0xff000000 | (blue << 16) | (g << 8) | r;
      }
    }
  }

  private fresh(width: number, height: number): ImageData {
    if (this.image?.width !== width || this.image.height !== height) {
      this.image = new ImageData(width, height);
      this.depth = new Float32Array(width * height);
    }
    new Uint32Array(this.image.data.buffer).fill(0);
    this.depth.fill(Number.POSITIVE_INFINITY);
    return this.image;
  }

  private sampled(): Float32Array {
    const { side, grid } = this;
    const found = new Float32Array(side * side);
    const lifted = grid.z.map((row) =>
      row.map((v) => (Number.isFinite(v) ? this.scaled(v) : Number.NaN)),
    );
    const [rows, columns] = [grid.y.length - 1, grid.x.length - 1];
    const at = (j: number, i: number) =>
      lifted[Math.min(j, rows)]?.[Math.min(i, columns)] ?? Number.NaN;
    for (let j = 0; j < side; j++) {
      for (let i = 0; i < side; i++) {
        const [y, x] = [(j / CELLS) * rows, (i / CELLS) * columns];
        const [j0, i0] = [Math.floor(y), Math.floor(x)];
        const [v, u] = [y - j0, x - i0];
        // At a corner of the grid its neighbours, which may have no value, don't count.
        const across = (jj: number) =>
          u > 0 ? at(jj, i0) * (1 - u) + at(jj, i0 + 1) * u : at(jj, i0);
        found[j * side + i] = v > 0 ? across(j0) * (1 - v) + across(j0 + 1) * v : across(j0);
      }
    }
    return found;
  }

  private slopes(): Float32Array {
    const { side, heights } = this;
    const found = new Float32Array(side * side * 3);
    const at = (i: number, j: number) =>
      Math.min(i, j) < 0 || Math.max(i, j) > CELLS ? Number.NaN : (heights[j * side + i] as number);
    for (let j = 0; j < side; j++) {
      for (let i = 0; i < side; i++) {
        const rise = (HEIGHT * CELLS) / 4;
        const here = at(i, j);
        const dx = difference(at(i - 1, j), here, at(i + 1, j)) * rise;
        const dy = difference(at(i, j - 1), here, at(i, j + 1)) * rise;
        found.set(normalised([-dx, -dy, 1]), 3 * (j * side + i));
      }
    }
    return found;
  }
}

/** From the height before to the one after; beside a hole or an edge twice the half that there is. */
function difference(before: number, here: number, after: number): number {
  if (!Number.isNaN(before) && !Number.isNaN(after)) return after - before;
  const half = Number.isNaN(before) ? after - here : here - before;
  return Number.isNaN(half) ? 0 : 2 * half;
}
