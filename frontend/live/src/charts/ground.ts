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
