/** Colours of a heat map: one hue, evenly spaced in lightness (OKLab, Ottosson 2020), so that equal
 * steps of a value look equal and colour blindness takes nothing away. Strong hues stay the runs'. */

import type { ThemeName } from "../charts/types.ts";
import type { Rgb } from "./palette.ts";

export type Lab = [number, number, number];

/** From the worst value to the best: near to the page, then far from it. */
const ENDS: Record<ThemeName, [Lab, Lab]> = {
  light: [
    [0.96, -0.003, -0.012],
    [0.34, -0.012, -0.13],
  ],
  dark: [
    [0.27, -0.004, -0.045],
    [0.87, -0.02, -0.065],
  ],
};

/** OKLab to sRGB, 0 to 255. */
export function rgbOf([l, a, b]: Lab): Rgb {
  const long = (l + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const medium = (l - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const short = (l - 0.0894841775 * a - 1.291485548 * b) ** 3;
  const light = [
    4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
    -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
    -0.0041960863 * long - 0.7034186147 * medium + 1.707614701 * short,
  ];
  return light.map((value) => {
    const c = Math.min(1, Math.max(0, value));
    return Math.round(255 * (c <= 0.0031308 ? 12.92 * c : 1.055 * c ** (1 / 2.4) - 0.055));
  }) as Rgb;
}

/** sRGB, 0 to 255, to OKLab. */
export function labOf(colour: Rgb): Lab {
  const [r, g, b] = colour.map(linear) as Rgb;
  const long = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const medium = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const short = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [
    0.2104542553 * long + 0.793617785 * medium - 0.0040720468 * short,
    1.9779984951 * long - 2.428592205 * medium + 0.4505937099 * short,
    0.0259040371 * long + 0.7827717662 * medium - 0.808675766 * short,
  ];
}

function linear(value: number): number {
  const c = value / 255;
  return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
}

/** The colour of a value, 0 the worst and 1 the best. */
export function heatRgb(theme: ThemeName, share: number): Rgb {
  const [worst, best] = ENDS[theme];
  const t = Math.min(1, Math.max(0, share));
  return rgbOf(worst.map((from, i) => from + t * ((best[i] as number) - from)) as Lab);
}

export const css = (rgb: Rgb): string => `rgb(${rgb.join(", ")})`;

/** Relative luminance of WCAG 2, 0 to 1. */
export function luminance(rgb: Rgb): number {
  const [r, g, b] = rgb.map(linear) as Rgb;
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

export function contrast(a: Rgb, b: Rgb): number {
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

const DARK: Rgb = [0, 0, 0];
const LIGHT: Rgb = [255, 255, 255];

/** Whichever of dark and light is read better on a colour. */
export function inkOn(ground: Rgb): Rgb {
  return contrast(ground, DARK) >= contrast(ground, LIGHT) ? DARK : LIGHT;
}
