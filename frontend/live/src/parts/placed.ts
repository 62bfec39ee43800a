/** Space between two texts on the history bar, in pixels. */
const GAP = 12;

/**
 * Left edges for texts that start near their marks and do not overlap; null for those without
 * room. The newest (last) have the first choice.
 */
export function placed(marks: { at: number; length: number }[], width: number): (number | null)[] {
  const taken: [number, number][] = [];
  const lefts: (number | null)[] = marks.map(() => null);
  for (let i = marks.length - 1; i >= 0; i--) {
    const { at, length } = marks[i] as { at: number; length: number };
    const left = Math.max(0, Math.min(at + 5, width - length));
    const free = taken.every(([from, to]) => left + length + GAP <= from || left >= to + GAP);
    if (!free || length > width) continue;
    taken.push([left, left + length]);
    lefts[i] = left;
  }
  return lefts;
}
