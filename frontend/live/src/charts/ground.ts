/** The colour a chart stands on, for the halos that set its glyphs apart. */

/** The nearest background that isn't transparent, through shadow roots; `fallback` without one. */
export function groundOf(element: Element, fallback: string): string {
  let node: Node | null = element;
  while (node !== null) {
    if (node instanceof Element) {
      const color = getComputedStyle(node).backgroundColor;
      if (color !== "" && color !== "transparent" && !/, 0\)$/.test(color)) return color;
    }
    node = node instanceof ShadowRoot ? node.host : node.parentNode;
  }
  return fallback;
}

const FRESH_MS = 1000;
/** Between two lookups on the page. */
const APART_MS = 100;
let latest = Number.NEGATIVE_INFINITY;

/** The ground of an element, looked up about once a second: that makes the browser restyle. */
export class Ground {
  private color = "";
  private fallback = "";
  private at = Number.NEGATIVE_INFINITY;

  of(element: Element, fallback: string): string {
    const now = performance.now();
    const isOld = now - this.at > FRESH_MS && now - latest > APART_MS;
    if (fallback !== this.fallback || isOld) {
      [this.color, this.fallback] = [groundOf(element, fallback), fallback];
      this.at = latest = now;
    }
    return this.color;
  }
}
