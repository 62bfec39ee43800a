/**
 * Who shares a coin: the policies of `lrd_core/optim/policies`, told again for the browser. A coin's
 * bit is that of one position of one tensor (see `mask_bits.ts`).
 */

import type { PolicyInfo } from "../protocol.ts";

export type CoinUnit = Exclude<PolicyInfo["unit"], "">;

/** The tensor whose key a coin comes from: a step's one coin is the first tensor's. */
export function coinTensor(unit: CoinUnit, tensor: number): number {
  return unit === "step" ? 0 : tensor;
}

/**
 * The position of the coin that decides about a coordinate, by the coordinate's row-major position.
 *
 * A row is an index of dimension 0, a column one of dimension 1; the elements of a vector are rows
 * and columns of their own.
 */
export function coinPosition(
  unit: CoinUnit,
  shape: readonly number[],
): (position: number) => number {
  switch (unit) {
    case "coordinate":
      return (position) => position;
    case "row": {
      const size = product(shape.slice(1));
      return (position) => Math.floor(position / size);
    }
    case "column": {
      const columns = shape[1];
      if (columns === undefined) return (position) => position;
      const size = product(shape.slice(2));
      return (position) => Math.floor(position / size) % columns;
    }
    default:
      return () => 0;
  }
}

const product = (sizes: readonly number[]): number => sizes.reduce((all, size) => all * size, 1);
