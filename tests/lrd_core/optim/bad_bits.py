"""Mask sources that are wrong on purpose: each statistic must refuse the ones made for it.

All have the signature of `keep_mask_numpy`. Most are slips that one could make in good faith.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from lrd_core.optim.random_bits import keep_mask_numpy, key, threshold
from tests.lrd_core.optim.bits_tool import WIDTH, WORD, Bits, MaskSource

Words = NDArray[np.uint32]
_MASK_32 = (1 << 32) - 1
#: The odd constant of a Weyl sequence: 2³² over the golden ratio.
_GOLDEN = 0x9E3779B9


def _halves(k: int) -> tuple[np.uint32, np.uint32]:
    return np.uint32(k & _MASK_32), np.uint32(k >> 32)


def _positions(numel: int) -> Words:
    return np.arange(numel, dtype=np.uint32)


def _below(hashed: Words, keep: float) -> Bits:
    return hashed < np.uint64(threshold(keep))


def _two_products(x: Words, k1: np.uint32) -> Words:
    x = x * np.uint32(0xED5AD4BB)
    x ^= x >> np.uint32(16)
    x ^= k1
    return x * np.uint32(0xAC4C1B51)


def _hash(x: Words, k1: np.uint32) -> Words:
    """The right hash, from its first product on."""
    x = _two_products(x, k1)
    x ^= x >> np.uint32(15)
    return x * np.uint32(0x31848BAB)


def signed_comparison(seed: int, step: int, tensor: int, numel: int, keep: float) -> Bits:
    """Reads the hash as a signed number, but not the threshold."""
    k0, k1 = _halves(key(seed, step, tensor))
    return _hash(_positions(numel) ^ k0, k1).view(np.int32) < np.int64(threshold(keep))


def seven_bits(seed: int, step: int, tensor: int, numel: int, keep: float) -> Bits:
    """Compares only the hash's seven highest bits: the keep rate is a multiple of 1/128."""
    return keep_mask_numpy(seed, step, tensor, numel, round(keep * 128) / 128)


def weyl(seed: int, step: int, tensor: int, numel: int, keep: float) -> Bits:
    """Multiples of the golden ratio from a random start: uniform, but far too evenly."""
    k0, _ = _halves(key(seed, step, tensor))
    return _below(_positions(numel) * np.uint32(_GOLDEN) + k0, keep)


def lcg_low_bits(seed: int, step: int, tensor: int, numel: int, keep: float) -> Bits:
    """The low 16 bits of a linear congruential generator (a, c of Numerical Recipes).

    State i is aⁱ·start + c·(a⁰ + … + aⁱ⁻¹) modulo 2³².
    """
    k0, _ = _halves(key(seed, step, tensor))
    factors = np.full(numel, 1664525, dtype=np.uint32)
    factors[0] = 1
    powers = np.multiply.accumulate(factors, dtype=np.uint32)
    sums = np.cumsum(powers, dtype=np.uint32) - powers
    state = powers * k0 + sums * np.uint32(1013904223)
    return _below(state << np.uint32(16), keep)


def without_third_product(seed: int, step: int, tensor: int, numel: int, keep: float) -> Bits:
    """The right hash, cut short."""
    k0, k1 = _halves(key(seed, step, tensor))
    return _below(_two_products(_positions(numel) ^ k0, k1), keep)


def keyed_lowbias32(seed: int, step: int, tensor: int, numel: int, keep: float) -> Bits:
    """lowbias32, a hash of two products, with the key in its two halves."""
    k0, k1 = _halves(key(seed, step, tensor))
    x = _positions(numel) ^ k0
    x ^= x >> np.uint32(16)
    x *= np.uint32(0x7FEB352D)
    x ^= x >> np.uint32(15)
    x ^= k1
    x *= np.uint32(0x846CA68B)
    return _below(x ^ (x >> np.uint32(16)), keep)


def xorshift32(seed: int, step: int, tensor: int, numel: int, keep: float) -> Bits:
    """Shifts and exclusive ors alone: each bit is the parity of some bits of the position."""
    k0, _ = _halves(key(seed, step, tensor))
    x = _positions(numel) ^ k0
    x ^= x << np.uint32(13)
    x ^= x >> np.uint32(17)
    x ^= x << np.uint32(5)
    return _below(x, keep)


def step_added_to_position(seed: int, step: int, tensor: int, numel: int, keep: float) -> Bits:
    """Hashes position + step + tensor + seed under one key: the next mask is this one, shifted."""
    k0, k1 = _halves(key(0, 0, 0))
    return _below(_hash((_positions(numel) + np.uint32(step + tensor + seed)) ^ k0, k1), keep)


def step_flips_position(seed: int, step: int, tensor: int, numel: int, keep: float) -> Bits:
    """Step, tensor and seed only flip bits of the position, under one key for all."""
    k0, k1 = _halves(key(0, 0, 0))
    other = np.uint32(40_503 * (step + tensor + seed) & _MASK_32)
    return _below(_hash(_positions(numel) ^ k0 ^ other, k1), keep)


def sum_of_seed_and_step(seed: int, step: int, tensor: int, numel: int, keep: float) -> Bits:
    """Seed 1 at step 2 draws what seed 2 draws at step 1."""
    return keep_mask_numpy(seed + step, 0, tensor, numel, keep)


def seed_of_32_bits(seed: int, step: int, tensor: int, numel: int, keep: float) -> Bits:
    """Seeds that differ from bit 32 on draw the same masks."""
    return keep_mask_numpy(seed & _MASK_32, step, tensor, numel, keep)


def _with_memory(axis: str, seed: int, step: int, tensor: int, numel: int, keep: float) -> Bits:
    place = {"seed": seed, "step": step, "tensor": tensor}
    mask = keep_mask_numpy(**place, numel=numel, keep=keep)
    if axis == "position":
        mask[1::500] = mask[:-1:500]
    elif place[axis] % 2:
        before = keep_mask_numpy(**{**place, axis: place[axis] - 1}, numel=numel, keep=keep)
        mask[::500] = before[::500]
    return mask


def with_memory(axis: str) -> MaskSource:
    """One coordinate in 500 repeats the bit before it along this axis (at odd places)."""
    return partial(_with_memory, axis)


def _with_parity(axis: str, seed: int, step: int, tensor: int, numel: int, keep: float) -> Bits:
    place = {"seed": seed, "step": step, "tensor": tensor}
    mask = keep_mask_numpy(**place, numel=numel, keep=keep)
    if axis in ("position", "row"):
        words = mask.reshape(-1, WORD, 1 if axis == "position" else WIDTH)[::16]
        words[:, -1] = np.bitwise_xor.reduce(words[:, :-1], axis=1)
        return mask
    last = place[axis] - (axis == "step")
    if last % WORD == WORD - 1:
        lines = ({**place, axis: place[axis] - back} for back in range(1, WORD))
        before = [keep_mask_numpy(**line, numel=numel, keep=keep)[::16] for line in lines]
        mask[::16] = np.bitwise_xor.reduce(before)
    return mask


def with_parity(axis: str) -> MaskSource:
    """In one word of 16 along this axis the last bit is the parity of the 15 before it.

    Any 15 bits are independent: only a count of whole words can tell.
    """
    return partial(_with_parity, axis)


def _in_step(axis: int, seed: int, step: int, tensor: int, numel: int, keep: float) -> Bits:
    mask = keep_mask_numpy(seed, step, tensor, numel, keep)
    lines = np.moveaxis(mask.reshape(-1, WIDTH, WIDTH), axis, 1)[:, ::64]
    lines[:, :, ::8] = lines[:, :, :1]
    return mask


def rows_in_step(seed: int, step: int, tensor: int, numel: int, keep: float) -> Bits:
    """In one row of 64, of a 1,024-wide matrix, every eighth coordinate shares one bit."""
    return _in_step(1, seed, step, tensor, numel, keep)


def columns_in_step(seed: int, step: int, tensor: int, numel: int, keep: float) -> Bits:
    """In one column of 64, of a 1,024-wide matrix, every eighth coordinate shares one bit."""
    return _in_step(2, seed, step, tensor, numel, keep)
