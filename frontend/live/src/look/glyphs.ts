/** The four shapes that ride on the heads of lines; each has about the same weight to the eye. */

import type { Glyph, RunStyle } from "./palette.ts";

type Point = readonly [number, number];

/** Corners for a glyph of radius 1 around the origin, y downwards; none for the disc. */
const CORNERS: Record<Exclude<Glyph, "disc">, readonly Point[]> = {
  square: [
    [-0.89, -0.89],
    [0.89, -0.89],
    [0.89, 0.89],
    [-0.89, 0.89],
  ],
  triangle: [
    [0, -1.18],
    [1.15, 0.86],
    [-1.15, 0.86],
  ],
  diamond: [
    [0, -1.28],
    [1.28, 0],
    [0, 1.28],
    [-1.28, 0],
  ],
};

/** Add the outline of a glyph to the path being built. */
export function traceGlyph(
  path: CanvasRenderingContext2D | Path2D,
  glyph: Glyph,
  x: number,
  y: number,
  radius: number,
): void {
  if (glyph === "disc") {
    path.moveTo(x + radius, y);
    path.arc(x, y, radius, 0, 2 * Math.PI);
    return;
  }
  CORNERS[glyph].forEach(([cx, cy], i) => {
    if (i === 0) path.moveTo(x + cx * radius, y + cy * radius);
    else path.lineTo(x + cx * radius, y + cy * radius);
  });
  path.closePath();
}

/** Draw a run's glyph with a halo in the colour of the ground it stands on. */
export function drawGlyph(
  context: CanvasRenderingContext2D,
  style: RunStyle,
  x: number,
  y: number,
  radius: number,
  ground: string,
  halo = 1.5,
): void {
  context.beginPath();
  traceGlyph(context, style.glyph, x, y, radius);
  context.setLineDash([]);
  context.lineJoin = "miter";
  if (halo > 0) {
    context.lineWidth = 2 * halo + (style.hollow ? radius * 0.4 : 0);
    context.strokeStyle = ground;
    context.stroke();
  }
  context.fillStyle = style.hollow ? ground : style.color;
  context.fill();
  if (style.hollow) {
    context.lineWidth = Math.max(1.4, radius * 0.4);
    context.strokeStyle = style.color;
    context.stroke();
  }
}

/** Draw the × at which a diverged line ends. */
export function drawCross(
  context: CanvasRenderingContext2D,
  color: string,
  x: number,
  y: number,
  radius: number,
  ground: string,
): void {
  context.beginPath();
  context.moveTo(x - radius, y - radius);
  context.lineTo(x + radius, y + radius);
  context.moveTo(x + radius, y - radius);
  context.lineTo(x - radius, y + radius);
  context.setLineDash([]);
  context.lineCap = "round";
  context.lineWidth = 5;
  context.strokeStyle = ground;
  context.stroke();
  context.lineWidth = 2;
  context.strokeStyle = color;
  context.stroke();
}

/** SVG path data of a glyph around (size/2, size/2), for a `viewBox="0 0 size size"`. */
export function glyphPath(glyph: Glyph, size: number): string {
  const c = size / 2;
  const radius = size * 0.36;
  if (glyph === "disc") {
    return `M${c - radius} ${c}a${radius} ${radius} 0 1 0 ${2 * radius} 0a${radius} ${radius} 0 1 0 ${-2 * radius} 0Z`;
  }
  const corners = CORNERS[glyph].map(([x, y]) => `${num(c + x * radius)} ${num(c + y * radius)}`);
  return `M${corners.join("L")}Z`;
}

const num = (v: number): string => String(Number(v.toFixed(2)));

/** A run's glyph as an inline SVG element. */
export function glyphSvg(style: RunStyle, size: number): SVGSVGElement {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", `0 0 ${size} ${size}`);
  svg.setAttribute("width", String(size));
  svg.setAttribute("height", String(size));
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", glyphPath(style.glyph, size));
  path.setAttribute("fill", style.hollow ? "none" : style.color);
  path.setAttribute("stroke", style.hollow ? style.color : "none");
  path.setAttribute("stroke-width", String(size * 0.14));
  svg.append(path);
  return svg;
}
