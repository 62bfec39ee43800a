/** How much larger than usual pictures draw their letters and lines: `--enlarge` of their place. */

export function enlargement(host: Element): number {
  const given = Number(getComputedStyle(host).getPropertyValue("--enlarge"));
  return given > 0 ? given : 1;
}
