/** Where the words on a picture go: beside their point, clear of each other and of the heads. */

export interface Box {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

export interface Label {
  text: string;
  x: number;
  y: number;
  width: number;
}

/** A label's place: left edge and middle line of its text. */
export interface Spot {
  x: number;
  y: number;
  side: number;
}

const GAP = 10;
const HEIGHT = 15;

/** Right, left, below right, above left, below, above. */
const SIDES: readonly ((label: Label) => { x: number; y: number })[] = [
  (l) => ({ x: l.x + GAP, y: l.y }),
  (l) => ({ x: l.x - GAP - l.width, y: l.y }),
  (l) => ({ x: l.x + GAP - 2, y: l.y + 13 }),
  (l) => ({ x: l.x - GAP - l.width + 2, y: l.y - 13 }),
  (l) => ({ x: l.x - l.width / 2, y: l.y + 17 }),
  (l) => ({ x: l.x - l.width / 2, y: l.y - 17 }),
];

/**
 * A spot for every label, in order of importance; null where a label fits nowhere.
 *
 * @param obstacles what must stay visible
 * @param before the sides chosen last time: kept while they are free, so that words don't hop about
 */
export function placeLabels(
  labels: readonly Label[],
  obstacles: readonly Box[],
  width: number,
  height: number,
  before: readonly (number | undefined)[],
): (Spot | null)[] {
  const taken = [...obstacles];
  return labels.map((label, i) => {
    const last = before[i];
    const order = SIDES.map((_, k) => k);
    if (last !== undefined) order.unshift(last);
    for (const side of order) {
      const { x, y } = (SIDES[side] as (typeof SIDES)[number])(label);
      const box = { left: x, top: y - HEIGHT / 2, right: x + label.width, bottom: y + HEIGHT / 2 };
      const inside =
        box.left >= 2 && box.right <= width - 2 && box.top >= 2 && box.bottom <= height - 2;
      if (!inside || taken.some((other) => meets(box, other))) continue;
      taken.push(box);
      return { x, y, side };
    }
    return null;
  });
}

function meets(a: Box, b: Box): boolean {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}

export const around = (x: number, y: number, radius: number): Box => ({
  left: x - radius,
  top: y - radius,
  right: x + radius,
  bottom: y + radius,
});
