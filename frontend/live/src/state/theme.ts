import type { ThemeName } from "../charts/types.ts";

const BACKGROUND = "--st-background-color";
const HALF = 0.5;

/** The theme of the page that holds `host`, read from Streamlit's background colour. */
export function themeOf(host: HTMLElement): ThemeName {
  const background = getComputedStyle(host).getPropertyValue(BACKGROUND).trim();
  const brightness = brightnessOf(background);
  if (brightness !== null) return brightness < HALF ? "dark" : "light";
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

/** How bright a CSS colour is, 0 to 1; null if it is not one of the forms that themes use. */
export function brightnessOf(color: string): number | null {
  const hex = /^#([0-9a-f]{6}|[0-9a-f]{3})/i.exec(color)?.[1];
  const parts = hex
    ? (hex.length === 3 ? [...hex].map((digit) => digit + digit) : (hex.match(/../g) ?? [])).map(
        (pair) => Number.parseInt(pair, 16),
      )
    : /^rgba?\((.*)\)/
        .exec(color)?.[1]
        ?.split(/[\s,/]+/)
        .map(Number);
  const [red, green, blue] = parts ?? [];
  if (red === undefined || green === undefined || blue === undefined) return null;
  return (0.299 * red + 0.587 * green + 0.114 * blue) / 255;
}
