"""Random bits that are a pure function of (seed, step, tensor, position): no generator state.

Every mask bit comes from a keyed 32-bit hash of the coordinate's position, so a run can be resumed,
forked and replayed bit for bit, two runs can share their masks, and any engine (torch, NumPy,
numba, Triton, JavaScript) draws the same ones. The algorithm, for a port to another language:

1. *Key*, 64 bit, modulo 2⁶⁴; ``mix`` is a step of splitmix64 (Steele, Lea and Flood 2014)::

       mix(x):  x += 0x9E3779B97F4A7C15
                x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9
                x = (x ^ x >> 27) * 0x94D049BB133111EB
                return x ^ x >> 31
       key = mix(mix(seed ^ mix(step)) + 0x632BE59BD9B4E019 * (tensor + 1))

   Elements from 2³² on use ``mix(key ^ mix(block))`` with ``block = position >> 32``.
   k0 is the key's low half, k1 its high half.

2. *Hash* of the position i (its low 32 bits), unsigned, modulo 2³²::

       x = i ^ k0;  x *= 0xed5ad4bb;  x ^= x >> 16
       x ^= k1;     x *= 0xac4c1b51;  x ^= x >> 15;  x *= 0x31848bab

3. The coordinate is kept where ``x < threshold`` with ``threshold = floor(keep * 2**32 + 0.5)``.

In JavaScript: BigInt with ``BigInt.asUintN(64, …)`` for the key (once a tensor and step; a negative
seed is its two's complement), ``Math.imul`` for the products, ``>>>`` for the shifts, and
``(x >>> 0) < Math.round(keep * 4294967296)`` for the choice. `tests/fixtures/mask_bits.json` holds
masks to compare with.

*Position* is the index in the tensor's row-major (logical) order, whatever its strides.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray

_MASK_64 = (1 << 64) - 1
_MASK_32 = (1 << 32) - 1
_TENSOR_STRIDE = 0x632BE59BD9B4E019
_FACTORS = (0xED5AD4BB, 0xAC4C1B51, 0x31848BAB)

#: Elements hashed at once: small enough for the cache, and a power of two, so that a position is
#: its chunk's start with the place in the chunk in the low bits.
_CHUNK = 1 << 16

_PLACES = np.arange(_CHUNK, dtype=np.uint32)
_FACTOR_0, _FACTOR_1, _FACTOR_2 = (np.uint32(factor) for factor in _FACTORS)
_SHIFT_0, _SHIFT_1 = np.uint32(16), np.uint32(15)


def _mix(x: int) -> int:
    x = (x + 0x9E3779B97F4A7C15) & _MASK_64
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & _MASK_64
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & _MASK_64
    return x ^ (x >> 31)


def key(seed: int, step: int, tensor: int, block: int = 0) -> int:
    """The 64-bit key of a tensor's mask at a step.

    Args:
        seed: any integer; taken modulo 2⁶⁴.
        step: counted from 1.
        tensor: position among all parameter tensors of the optimizer, from 0.
        block: position >> 32, for tensors with more than 2³² elements.
    """
    base = _mix((_mix((seed & _MASK_64) ^ _mix(step & _MASK_64))) + _TENSOR_STRIDE * (tensor + 1))
    return base if block == 0 else _mix(base ^ _mix(block))


def derive(seed: int, purpose: str, index: int = 0) -> int:
    """A 64-bit seed for another purpose, e.g. ``derive(seed, "data order", epoch)``.

    The purpose enters by its 64-bit FNV-1a hash (UTF-8), so that purposes never share streams.
    """
    name = 0xCBF29CE484222325
    for byte in purpose.encode():
        name = ((name ^ byte) * 0x100000001B3) & _MASK_64
    return _mix(_mix((seed & _MASK_64) ^ name) + _TENSOR_STRIDE * (index + 1))


def threshold(keep: float) -> int:
    """How many of the 2³² hash values are kept: `keep` · 2³² to the nearest, halves up."""
    return math.floor(keep * 2.0**32 + 0.5)


def keep_mask(
    seed: int,
    step: int,
    tensor: int,
    numel: int,
    keep: float,
    device: torch.device | str = "cpu",
) -> torch.Tensor:
    """Which coordinates keep their learning rate at this step.

    Integer operations only, in chunks, so that memory beside the result stays below 1 MiB and the
    bits don't depend on thread count or device. On a CPU NumPy does the work: with native uint32
    it needs a third of torch's time.

    Args:
        seed, step, tensor: see `key`.
        numel: number of coordinates.
        keep: probability in [0, 1] that a coordinate is kept; 1 − drop rate.
        device: where the mask is made.

    Returns:
        Bool tensor of shape (numel,); true is kept.
    """
    device = torch.device(device)
    if device.type == "cpu":
        return torch.from_numpy(keep_mask_numpy(seed, step, tensor, numel, keep))
    return keep_mask_torch(seed, step, tensor, numel, keep, device)


def keep_mask_torch(
    seed: int, step: int, tensor: int, numel: int, keep: float, device: torch.device | str
) -> torch.Tensor:
    """`keep_mask` by torch operations, on any device."""
    device = torch.device(device)
    limit = threshold(keep)
    mask = torch.ones(numel, dtype=torch.bool, device=device)
    if limit > _MASK_32:
        return mask
    for start in range(0, numel, _CHUNK):
        count = min(_CHUNK, numel - start)
        hashed = _hash(key(seed, step, tensor, start >> 32), start & _MASK_32, count, device)
        torch.lt(hashed, limit - (1 << 31), out=mask[start : start + count])
    return mask


def _hash(k: int, start: int, count: int, device: torch.device) -> torch.Tensor:
    """Hash of `count` positions from `start`, less 2³¹: so that int32 compares like uint32.

    torch has no arithmetic on uint32, so this wraps in int32; its shift copies the sign bit, which
    the ``&`` takes off again.
    """
    k0, k1 = k & _MASK_32, k >> 32
    # start is a multiple of the chunk, hence start + place == start ^ place: one xor for both.
    x = _places(device)[:count] ^ _signed(start ^ k0)
    x *= _signed(_FACTORS[0])
    x ^= (x >> 16).bitwise_and_(0xFFFF)
    x ^= _signed(k1)
    x *= _signed(_FACTORS[1])
    # The last factor is odd, so flipping the sign bit before it flips the sign bit after it.
    x ^= (x >> 15).bitwise_and_(0x1FFFF).bitwise_xor_(-(1 << 31))
    x *= _signed(_FACTORS[2])
    return x


@lru_cache(maxsize=8)
def _places(device: torch.device) -> torch.Tensor:
    return torch.arange(_CHUNK, dtype=torch.int32, device=device)


def _signed(x: int) -> int:
    return x - (1 << 32) if x >> 31 else x


def keep_mask_numpy(
    seed: int, step: int, tensor: int, numel: int, keep: float
) -> NDArray[np.bool_]:
    """`keep_mask` in NumPy's uint32.

    Returns:
        Bool array of shape (numel,); true is kept.
    """
    limit = threshold(keep)
    if limit > _MASK_32:
        return np.ones(numel, dtype=np.bool_)
    bound = np.uint32(limit)
    if numel <= _CHUNK:
        return _hash_numpy(key(seed, step, tensor), 0, numel) < bound
    mask = np.empty(numel, dtype=np.bool_)
    for start in range(0, numel, _CHUNK):
        count = min(_CHUNK, numel - start)
        hashed = _hash_numpy(key(seed, step, tensor, start >> 32), start & _MASK_32, count)
        np.less(hashed, bound, out=mask[start : start + count])
    return mask


def _hash_numpy(k: int, start: int, count: int) -> NDArray[np.uint32]:
    """Hash of `count` positions from `start`, a multiple of the chunk."""
    x = _PLACES[:count] ^ np.uint32((start ^ k) & _MASK_32)
    x *= _FACTOR_0
    x ^= x >> _SHIFT_0
    x ^= np.uint32(k >> 32)
    x *= _FACTOR_1
    x ^= x >> _SHIFT_1
    x *= _FACTOR_2
    return x
