/** Colours. Strong hues mean runs; everything else is ink on paper. */

import type { ThemeName } from "../charts/types.ts";

export interface Tokens {
  page: string;
  panel: string;
  raised: string;
  hairline: string;
  ink: string;
  muted: string;
  faint: string;
  good: string;
  warning: string;
}

export const TOKENS: Record<ThemeName, Tokens> = {
  light: {
    page: "#ffffff",
    panel: "#f7f8fa",
    raised: "#ffffff",
    hairline: "#e3e6eb",
    ink: "#1d2230",
    muted: "#5c6472",
    faint: "#98a0ad",
    good: "#0b7a55",
    warning: "#a04a00",
  },
  dark: {
    page: "#0f131a",
    panel: "#151a23",
    raised: "#1b212c",
    hairline: "#2a3140",
    ink: "#e8ebf1",
    muted: "#a2abba",
    faint: "#6b7484",
    good: "#4fd6a0",
    warning: "#f2a65a",
  },
};

/** Slots 0–7; slots 8–15 repeat them dashed and hollow. `tests/look_palette.test.ts` guards the distances. */
export const RUN_COLORS: Record<ThemeName, readonly string[]> = {
  light: ["#2f3542", "#7725fe", "#824101", "#0ba891", "#d03256", "#9d85d6", "#c78008", "#037289"],
  dark: ["#e3e7ee", "#9561f4", "#9a782a", "#22df88", "#ec2585", "#d5a5f3", "#fd9b02", "#1e98a3"],
};

export type Glyph = "disc" | "square" | "triangle" | "diamond";
export const GLYPHS: readonly Glyph[] = ["disc", "square", "triangle", "diamond"];

/** How a run looks everywhere, for its whole life. */
export interface RunStyle {
  color: string;
  dashed: boolean;
  glyph: Glyph;
  hollow: boolean;
}

export const MAX_RUNS = 16;

/** The style of a slot (0–15; larger ones start over). */
export function runStyle(slot: number, theme: ThemeName): RunStyle {
  const repeated = Math.floor(slot / 8) % 2 === 1;
  return {
    color: RUN_COLORS[theme][slot % 8] as string,
    dashed: repeated,
    glyph: GLYPHS[slot % 4] as Glyph,
    hollow: repeated,
  };
}

/** Stops of the surface map, from the lowest band to the highest. */
const MAP_RAMP: Record<ThemeName, readonly string[]> = {
  light: ["#6178b4", "#a9b6d9", "#ccd6ec", "#f3f6fd"],
  dark: ["#0a1230", "#1d2950", "#32426f", "#46598f"],
};

/** Contour lines on the map: close to the bands, so that they shape without shouting. */
export const MAP_LINE: Record<ThemeName, string> = {
  light: "rgba(58, 82, 150, 0.16)",
  dark: "rgba(150, 172, 230, 0.13)",
};

export type Rgb = [number, number, number];

export function rgb(hex: string): Rgb {
  const bits = Number.parseInt(hex.slice(1), 16);
  return [(bits >> 16) & 255, (bits >> 8) & 255, bits & 255];
}

export function withAlpha(hex: string, alpha: number): string {
  const [r, g, b] = rgb(hex);
  return `rgba(${r}, ${g}, ${b}, ${alpha})`;
}

/** `count` map colours, low to high. */
export function mapRamp(theme: ThemeName, count: number): string[] {
  const stops = MAP_RAMP[theme].map(rgb);
  const last = stops.length - 1;
  return Array.from({ length: count }, (_, i) => {
    const t = count === 1 ? 0 : (i / (count - 1)) * last;
    const k = Math.min(Math.floor(t), last - 1);
    const a = stops[k] as Rgb;
    const b = stops[k + 1] as Rgb;
    const mix = a.map((low, c) => Math.round(low + (t - k) * ((b[c] as number) - low)));
    return `rgb(${mix.join(", ")})`;
  });
}

/** The tokens as CSS custom properties (`--ink: …;`) for a style attribute or rule. */
export function tokenVariables(theme: ThemeName): string {
  return Object.entries(TOKENS[theme])
    .map(([name, value]) => `--${name}: ${value};`)
    .join(" ");
}
