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

   Elements from 2²⁴ on use ``mix(key ^ mix(block))`` with ``block = position >> 24``: under one
   key, positions that far apart are slightly correlated (|r| up to 0.001).
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

*Standard normal numbers* (`normal`) come from the same hash x: ``z = Φ⁻¹((x + 0.5) / 2**32)`` in
float64, Φ⁻¹ the inverse of the normal distribution function. x + 0.5 lies half a cell from 0 and
from 2³², so |z| ≤ 6.34. The caller derives a seed of its own for them, e.g.
``derive(seed, "gradient noise")``: under one seed the numbers would be tied to the masks.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from statistics import NormalDist

import numpy as np
import torch
from numpy.typing import NDArray

#: Elements under one key, as a power of two.
BLOCK_BITS = 24

_MASK_64 = (1 << 64) - 1
_MASK_32 = (1 << 32) - 1
_TENSOR_STRIDE = 0x632BE59BD9B4E019
_MIX_STEP, _MIX_0, _MIX_1 = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
_FACTORS = (0xED5AD4BB, 0xAC4C1B51, 0x31848BAB)

#: Elements hashed at once: small enough for the cache, and a power of two, so that a position is
#: its chunk's first position with the place in the chunk in the low bits. Chunks are counted from
#: position 0, so none straddles a multiple of 2³².
_CHUNK = 1 << 16

_PLACES = np.arange(_CHUNK, dtype=np.uint32)
_FACTOR_0, _FACTOR_1, _FACTOR_2 = (np.uint32(factor) for factor in _FACTORS)
_SHIFT_0, _SHIFT_1 = np.uint32(16), np.uint32(15)


def _mix(x: int) -> int:
    x = (x + _MIX_STEP) & _MASK_64
    x = ((x ^ (x >> 30)) * _MIX_0) & _MASK_64
    x = ((x ^ (x >> 27)) * _MIX_1) & _MASK_64
    return x ^ (x >> 31)


def step_key(seed: int, step: int) -> int:
    """What the keys of all tensors at a step are made from, 64 bit."""
    return _mix((seed & _MASK_64) ^ _mix(step & _MASK_64))


def key(seed: int, step: int, tensor: int, block: int = 0) -> int:
    """The 64-bit key of a tensor's mask at a step.

    Args:
        seed: any integer; taken modulo 2⁶⁴.
        step: counted from 1.
        tensor: position among all parameter tensors of the optimizer, from 0.
        block: position >> 24.
    """
    base = _mix(step_key(seed, step) + _TENSOR_STRIDE * (tensor + 1))
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


def kept(seed: int, step: int, tensor: int, position: int, keep: float) -> bool:
    """One coin: whether the coordinate at a position below 2²⁴ is kept."""
    k = key(seed, step, tensor)
    x = ((position ^ k) & _MASK_32) * _FACTORS[0] & _MASK_32
    x = (x ^ x >> 16 ^ k >> 32) * _FACTORS[1] & _MASK_32
    x = (x ^ x >> 15) * _FACTORS[2] & _MASK_32
    return x < threshold(keep)


def keep_mask(
    seed: int,
    step: int,
    tensor: int,
    numel: int,
    keep: float,
    device: torch.device | str = "cpu",
    start: int = 0,
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
        start: position of the first of them, from 0; a part of a tensor has the bits that it has
            in the whole.

    Returns:
        Bool tensor of shape (numel,); true is kept.
    """
    device = torch.device(device)
    if device.type == "cpu":
        return torch.from_numpy(keep_mask_numpy(seed, step, tensor, numel, keep, start))
    return keep_mask_torch(seed, step, tensor, numel, keep, device, start)


def keep_mask_torch(
    seed: int,
    step: int,
    tensor: int,
    numel: int,
    keep: float,
    device: torch.device | str,
    start: int = 0,
) -> torch.Tensor:
    """`keep_mask` by torch operations, on any device."""
    device = torch.device(device)
    limit = threshold(keep)
    mask = torch.ones(numel, dtype=torch.bool, device=device)
    if limit > _MASK_32:
        return mask
    for chunk, place, done, count in _chunks(start, numel):
        hashed = _hash(key(seed, step, tensor, chunk >> BLOCK_BITS), chunk, place, count, device)
        torch.lt(hashed, limit - (1 << 31), out=mask[done : done + count])
    return mask


def keep_mask_numpy(
    seed: int, step: int, tensor: int, numel: int, keep: float, start: int = 0
) -> NDArray[np.bool_]:
    """`keep_mask` in NumPy's uint32.

    Returns:
        Bool array of shape (numel,); true is kept.
    """
    limit = threshold(keep)
    if limit > _MASK_32:
        return np.ones(numel, dtype=np.bool_)
    bound = np.uint32(limit)
    if start + numel <= _CHUNK:
        return _hash_numpy(key(seed, step, tensor), 0, start, numel) < bound
    mask = np.empty(numel, dtype=np.bool_)
    for chunk, place, done, count in _chunks(start, numel):
        hashed = _hash_numpy(key(seed, step, tensor, chunk >> BLOCK_BITS), chunk, place, count)
        np.less(hashed, bound, out=mask[done : done + count])
    return mask


#: Elements that `keep_bits` hashes at once: less, and calling torch takes longer than its work.
PIECE = 1 << 19
#: Fewer elements than this take NumPy less time.
_SMALL = 1 << 13


def keep_bits(
    seed: int,
    step: int,
    tensor: int,
    count: int,
    keep: float,
    start: int,
    scratch: tuple[torch.Tensor, torch.Tensor] | None = None,
) -> torch.Tensor:
    """`keep_mask` on a CPU by all of torch's threads: int32 (count,), 1 is kept and 0 dropped.

    Args:
        seed, step, tensor, keep: as for `keep_mask`.
        count: at most `PIECE`.
        start: position of the first; fast where it is a multiple of `PIECE`.
        scratch: two int32 tensors of `PIECE` to work in; the first then holds the result.
    """
    limit = threshold(keep)
    if start % PIECE or count < _SMALL or limit > _MASK_32:
        mask = keep_mask(seed, step, tensor, count, keep, start=start)
        return mask.to(torch.int32)
    k = key(seed, step, tensor, start >> BLOCK_BITS)
    x, shifted = (t[:count] for t in scratch or _scratch())
    torch.bitwise_xor(_pieces()[:count], _signed((start ^ k) & _MASK_32), out=x)
    x.mul_(_signed(_FACTORS[0]))
    # int32 shifts copy the sign bit, which the `and` takes off again.
    torch.bitwise_right_shift(x, 16, out=shifted)
    shifted.bitwise_and_(0xFFFF)
    x.bitwise_xor_(shifted).bitwise_xor_(_signed(k >> 32)).mul_(_signed(_FACTORS[1]))
    torch.bitwise_right_shift(x, 15, out=shifted)
    # The last factor is odd: flipping the sign bit before it flips the sign bit after it, and
    # int32 then compares like uint32.
    shifted.bitwise_and_(0x1FFFF).bitwise_xor_(-(1 << 31))
    x.bitwise_xor_(shifted).mul_(_signed(_FACTORS[2]))
    return x.lt_(limit - (1 << 31))


def _scratch() -> tuple[torch.Tensor, torch.Tensor]:
    return torch.empty(PIECE, dtype=torch.int32), torch.empty(PIECE, dtype=torch.int32)


@lru_cache(maxsize=1)
def _pieces() -> torch.Tensor:
    return torch.arange(PIECE, dtype=torch.int32)


def keep_at(
    seed: int, step: int, tensor: int, positions: torch.Tensor, keep: float
) -> torch.Tensor:
    """`keep_mask` at any positions: for parts of a tensor that are no range of it.

    Args:
        seed, step, tensor, keep: as for `keep_mask`.
        positions: int64, none negative, any shape.

    Returns:
        Bool tensor of the positions' shape, on their device.
    """
    limit = threshold(keep)
    mask = torch.empty(positions.shape, dtype=torch.bool, device=positions.device)
    for part, out in _parts(positions, mask):
        torch.lt(_hash_at(key(seed, step, tensor), part), limit, out=out)
    return mask


def normal(
    seed: int,
    step: int,
    tensor: int,
    numel: int,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
    start: int = 0,
) -> torch.Tensor:
    """Independent standard normal numbers, finite; the algorithm is in the module's docstring.

    Args:
        seed: not the one of the masks, see there.
        step, tensor, numel, start: as for `keep_mask`.
        device: where they are made; it must have float64.
        dtype: of the result, rounded from float64.

    Returns:
        Tensor of shape (numel,).
    """
    device = torch.device(device)
    numbers = torch.empty(numel, dtype=dtype, device=device)
    for chunk, place, done, count in _chunks(start, numel):
        hashed = _hash(key(seed, step, tensor, chunk >> BLOCK_BITS), chunk, place, count, device)
        numbers[done : done + count] = _normal(hashed.double() + 2.0**31)
    return numbers


def normal_at(
    seed: int,
    step: int,
    tensor: int,
    positions: torch.Tensor,
    dtype: torch.dtype = torch.float32,
) -> torch.Tensor:
    """`normal` at any positions: int64, none negative, any shape; the result has that shape."""
    numbers = torch.empty(positions.shape, dtype=dtype, device=positions.device)
    for part, out in _parts(positions, numbers):
        out.copy_(_normal(_hash_at(key(seed, step, tensor), part).double()))
    return numbers


def normal_numpy(
    seed: int, step: int, tensor: int, numel: int, start: int = 0
) -> NDArray[np.float64]:
    """`normal` in float64, by the standard library's Φ⁻¹, one number after the other: slow.

    Returns:
        Array of shape (numel,); within 1e-9 of `normal` in float64.
    """
    inverse = NormalDist().inv_cdf
    numbers = np.empty(numel)
    for chunk, place, done, count in _chunks(start, numel):
        hashed = _hash_numpy(key(seed, step, tensor, chunk >> BLOCK_BITS), chunk, place, count)
        numbers[done : done + count] = [inverse((x + 0.5) / 2.0**32) for x in hashed.tolist()]
    return numbers


def _normal(hashed: torch.Tensor) -> torch.Tensor:
    """Φ⁻¹ in the middle of the hash's cell; `hashed` is float64 in [0, 2³²)."""
    numbers: torch.Tensor = torch.special.ndtri((hashed + 0.5) / 2.0**32)
    return numbers


def _chunks(start: int, numel: int) -> Iterator[tuple[int, int, int, int]]:
    """(first position of a chunk, first place in it, elements before, elements) of a range."""
    done = 0
    while done < numel:
        place = (start + done) % _CHUNK
        count = min(_CHUNK - place, numel - done)
        yield start + done - place, place, done, count
        done += count


def _parts(
    positions: torch.Tensor, result: torch.Tensor
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Flat pieces of both, no longer than a chunk; `result` is contiguous."""
    pieces = (torch.split(flat, _CHUNK) for flat in (positions.reshape(-1), result.view(-1)))
    return zip(*pieces, strict=True)


def _hash(k: int, chunk: int, place: int, count: int, device: torch.device) -> torch.Tensor:
    """Hash of `count` positions from `chunk` + `place`, less 2³¹: int32 then compares like uint32.

    torch has no arithmetic on uint32, so this wraps in int32; its shift copies the sign bit, which
    the ``&`` takes off again.
    """
    # The chunk is aligned, hence chunk + place == chunk ^ place: one xor for both and the key.
    x = _places(device)[place : place + count] ^ _signed((chunk ^ k) & _MASK_32)
    x *= _signed(_FACTORS[0])
    x ^= (x >> 16).bitwise_and_(0xFFFF)
    x ^= _signed(k >> 32)
    x *= _signed(_FACTORS[1])
    # The last factor is odd, so flipping the sign bit before it flips the sign bit after it.
    x ^= (x >> 15).bitwise_and_(0x1FFFF).bitwise_xor_(-(1 << 31))
    x *= _signed(_FACTORS[2])
    return x


@lru_cache(maxsize=8)
def _places(device: torch.device) -> torch.Tensor:
    return torch.arange(_CHUNK, dtype=torch.int32, device=device)


def _signed(x: int, bits: int = 32) -> int:
    return x - (1 << bits) if x >> (bits - 1) else x


def _hash_numpy(k: int, chunk: int, place: int, count: int) -> NDArray[np.uint32]:
    """Hash of `count` positions from `chunk` + `place`."""
    x = _PLACES[place : place + count] ^ np.uint32((chunk ^ k) & _MASK_32)
    x *= _FACTOR_0
    shifted = x >> _SHIFT_0
    x ^= shifted
    x ^= np.uint32(k >> 32)
    x *= _FACTOR_1
    x ^= np.right_shift(x, _SHIFT_1, out=shifted)
    x *= _FACTOR_2
    return x


def _hash_at(k: int, positions: torch.Tensor) -> torch.Tensor:
    """Hash of every position, int64 in [0, 2³²); `k` is the key of block 0.

    Every position finds its block's key for itself: no look at the positions from the host.
    """
    block = positions >> BLOCK_BITS
    first = torch.full_like(block, _signed(k, 64))
    keys = torch.where(block == 0, first, _mix_torch(first ^ _mix_torch(block)))
    x = (positions ^ keys) & _MASK_32
    x = (x * _FACTORS[0]) & _MASK_32
    x ^= x >> 16
    x ^= (keys >> 32) & _MASK_32
    x = (x * _FACTORS[1]) & _MASK_32
    x ^= x >> 15
    return (x * _FACTORS[2]) & _MASK_32


def _mix_torch(x: torch.Tensor) -> torch.Tensor:
    """`_mix` in int64, which wraps as uint64 does; the ``&`` takes copies of the sign bit off."""
    x = x + _signed(_MIX_STEP, 64)
    x = (x ^ ((x >> 30) & ((1 << 34) - 1))) * _signed(_MIX_0, 64)
    x = (x ^ ((x >> 27) & ((1 << 37) - 1))) * _signed(_MIX_1, 64)
    return x ^ ((x >> 31) & ((1 << 33) - 1))
