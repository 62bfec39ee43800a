/**
 * The masks of LRD, drawn in the browser: the same bits as `lrd_core/optim/random_bits.py`, whose
 * docstring states the algorithm. A mask is a function of (seed, step, tensor, position), so the
 * mask of any step can be shown without any of them being sent.
 */

const MASK_64 = (1n << 64n) - 1n;
const u64 = (x: bigint): bigint => x & MASK_64;

/** One step of splitmix64 (Steele, Lea and Flood 2014). */
function mix(seed: bigint): bigint {
  let x = u64(seed + 0x9e3779b97f4a7c15n);
  x = u64((x ^ (x >> 30n)) * 0xbf58476d1ce4e5b9n);
  x = u64((x ^ (x >> 27n)) * 0x94d049bb133111ebn);
  return x ^ (x >> 31n);
}

/** Both halves of a tensor's 64-bit key at a step. */
export interface MaskKey {
  k0: number;
  k1: number;
}

/**
 * The key of a tensor's mask.
 *
 * @param seed any integer, taken modulo 2⁶⁴; a bigint where it may exceed 2⁵³
 * @param step counted from 1
 * @param tensor position among all parameter tensors, from 0
 */
export function maskKey(seed: number | bigint, step: number, tensor: number): MaskKey {
  const base = mix(u64(BigInt(seed)) ^ mix(BigInt(step)));
  const key = mix(base + 0x632be59bd9b4e019n * BigInt(tensor + 1));
  return { k0: Number(key & 0xffffffffn), k1: Number(key >> 32n) };
}

/** How many of the 2³² hash values are kept. */
export function maskThreshold(keep: number): number {
  return Math.floor(keep * 4294967296 + 0.5);
}

/** Whether the coordinate at `position` (below 2²⁴, row-major) keeps its learning rate. */
export function isKept(key: MaskKey, position: number, threshold: number): boolean {
  let x = Math.imul(position ^ key.k0, 0xed5ad4bb);
  x = Math.imul(x ^ (x >>> 16) ^ key.k1, 0xac4c1b51);
  x = Math.imul(x ^ (x >>> 15), 0x31848bab);
  return x >>> 0 < threshold;
}

/** The mask of a tensor's first `count` coordinates: 1 is kept. */
export function keepMask(
  seed: number | bigint,
  step: number,
  tensor: number,
  count: number,
  keep: number,
): Uint8Array {
  const key = maskKey(seed, step, tensor);
  const threshold = maskThreshold(keep);
  const mask = new Uint8Array(count);
  for (let i = 0; i < count; i++) mask[i] = isKept(key, i, threshold) ? 1 : 0;
  return mask;
}
