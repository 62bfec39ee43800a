"""Triton functions that the generated CUDA modules share; imported by those modules alone.

Triton reads these functions' source: no postponed annotations, and nothing Python alone can do.
"""

import triton
import triton.language as tl


@triton.jit
def mix(x: tl.tensor) -> tl.tensor:
    """A step of splitmix64, uint64; see `lrd_core.optim.random_bits`."""
    x = tl.add(x, 0x9E3779B97F4A7C15, sanitize_overflow=False)
    x = tl.mul(x ^ (x >> 30), 0xBF58476D1CE4E5B9, sanitize_overflow=False)
    x = tl.mul(x ^ (x >> 27), 0x94D049BB133111EB, sanitize_overflow=False)
    return x ^ (x >> 31)


@triton.jit
def tensor_key(seed: tl.tensor, step: tl.tensor, tensor: tl.tensor) -> tl.tensor:
    """The key of a tensor's elements below 2²⁴, uint64, from three uint64."""
    stride: tl.constexpr = 0x632BE59BD9B4E019
    one_based = tl.add(tensor, tl.full((), 1, tl.uint64), sanitize_overflow=False)
    offset = tl.mul(one_based, tl.full((), stride, tl.uint64), sanitize_overflow=False)
    return mix(tl.add(mix(seed ^ mix(step)), offset, sanitize_overflow=False))


@triton.jit
def block_key(base: tl.tensor, number: tl.tensor) -> tl.tensor:
    """The key of the elements whose position >> 24 is `number` (uint64)."""
    return tl.where(number == 0, base, mix(base ^ mix(number)))


@triton.jit
def random_word(position: tl.tensor, key_low: tl.tensor, key_high: tl.tensor) -> tl.tensor:
    """The keyed hash of the positions' low 32 bits, uint32."""
    x = tl.mul(position ^ key_low, 0xED5AD4BB, sanitize_overflow=False)
    x = x ^ (x >> 16)
    x = tl.mul(x ^ key_high, 0xAC4C1B51, sanitize_overflow=False)
    x = x ^ (x >> 15)
    return tl.mul(x, tl.full((), 0x31848BAB, tl.uint32), sanitize_overflow=False)


@triton.jit
def coin(
    position: tl.tensor,
    base: tl.tensor,
    limit: tl.tensor,
    block: tl.constexpr,
    crosses: tl.constexpr,
) -> tl.tensor:
    """Which of `block` coordinates from `position` (int64) on are kept.

    Args:
        position: of the first coordinate.
        base: the tensor's key, uint64.
        limit: how many of the 2³² hash values are kept, int64; 2³² keeps all.
        block: number of coordinates.
        crosses: some tensor of the list has positions from 2²⁴ on.
    """
    first = (position & 0xFFFFFFFF).to(tl.uint32)
    offsets = tl.arange(0, block).to(tl.uint32)
    low = tl.add(first, offsets, sanitize_overflow=False)
    if crosses:
        number = (position >> 24).to(tl.uint64)
        beyond = (first & 0xFFFFFF) + offsets > 0xFFFFFF
        key = tl.where(beyond, block_key(base, number + 1), block_key(base, number))
    else:
        key = base
    word = random_word(low, key.to(tl.uint32), (key >> 32).to(tl.uint32))
    return (word < limit.to(tl.uint32)) | (limit > 0xFFFFFFFF)


@triton.jit
def pointer(
    table: tl.tensor, index: tl.tensor, dtype: tl.constexpr, aligned: tl.constexpr
) -> tl.tensor:
    """The address at table[index] as a pointer; `aligned`: a multiple of 16 bytes."""
    at = tl.load(table + index).to(tl.pointer_type(dtype))
    if aligned:
        at = tl.multiple_of(at, 16)
    return at


@triton.jit
def read(at: tl.tensor, inside: tl.tensor, whole: tl.constexpr) -> tl.tensor:
    """Values at the pointers; 0 outside."""
    return tl.load(at) if whole else tl.load(at, mask=inside, other=0)


@triton.jit
def write(at: tl.tensor, value: tl.tensor, inside: tl.tensor, whole: tl.constexpr) -> None:
    """Stores values in the memory's own type, rounded to nearest."""
    if whole:
        tl.store(at, value.to(at.dtype.element_ty))
    else:
        tl.store(at, value.to(at.dtype.element_ty), mask=inside)


@triton.jit
def real(table: tl.tensor, index: tl.tensor, dtype: tl.constexpr) -> tl.tensor:
    """The float64 whose bits an int64 table holds at index, as another float."""
    return tl.load(table + index).to(tl.float64, bitcast=True).to(dtype)


@triton.jit
def product_sum(a: tl.tensor, b: tl.tensor, inside: tl.tensor) -> tl.tensor:
    """Σ a · b over the coordinates inside, in float64."""
    return tl.sum(tl.where(inside, a.to(tl.float64) * b.to(tl.float64), 0.0), axis=0)


@triton.jit
def divide(a: tl.tensor, b: tl.tensor, dtype: tl.constexpr) -> tl.tensor:
    """a / b to nearest; Triton's own is approximate in float32."""
    return tl.div_rn(a, b) if dtype == tl.float32 else a / b


@triton.jit
def root(x: tl.tensor, dtype: tl.constexpr) -> tl.tensor:
    """√x to nearest; Triton's own is approximate in float32."""
    return tl.sqrt_rn(x) if dtype == tl.float32 else tl.sqrt(x)


@triton.jit
def sign(x: tl.tensor) -> tl.tensor:
    """−1, 0 or 1; NaN stays."""
    one = tl.full((), 1.0, x.dtype)
    return tl.where(x > 0, one, tl.where(x < 0, -one, x))


@triton.jit
def power(base: tl.tensor, exponent: tl.tensor, dtype: tl.constexpr) -> tl.tensor:
    """base to the exponent, by way of float64: exp2 and log2 are in every back end."""
    b, e = base.to(tl.float64), exponent.to(tl.float64)
    size = tl.exp2(e * tl.log2(tl.abs(b)))
    whole = tl.floor(e) == e
    odd = tl.floor(e * 0.5) * 2 != e
    signed = tl.where(whole, tl.where(odd, -size, size), float("nan"))
    result = tl.where(b < 0, signed, size)
    # 0 · −∞ and ∞ · 0 above are not numbers.
    result = tl.where(b == 1, 1.0, result)
    return tl.where(e == 0, 1.0, result).to(dtype)


@triton.jit(do_not_specialize=["tensors", "blocks"])
def add_up(
    fixed: tl.tensor,
    partial: tl.tensor,
    sums: tl.tensor,
    found_inf: tl.tensor,
    tensors: tl.tensor,
    blocks: tl.tensor,
    first_row: tl.constexpr,
    block: tl.constexpr,
    chunk: tl.constexpr,
) -> None:
    """Adds the blocks' sums up for each tensor, always in the same order; one program a sum.

    Args:
        fixed: int64 table of the tensors: numel in row 0, number of the first block in `first_row`.
        partial: float64 (6, blocks).
        sums: float64 (tensors, 6), written.
        found_inf: None, or a pointer to float32: unless it is 0 the sums are 0.
        tensors, blocks: how many.
        block: coordinates in a block.
        chunk: blocks read at once.
    """
    tensor = tl.program_id(0)
    which = tl.program_id(1)
    first = tl.load(fixed + first_row * tensors + tensor)
    count = tl.cdiv(tl.load(fixed + tensor), block).to(tl.int32)
    at = partial + which.to(tl.int64) * blocks + first
    offsets = tl.arange(0, chunk)
    total = tl.zeros([chunk], tl.float64)
    for done in range(0, count, chunk):
        total += tl.load(at + done + offsets, mask=offsets < count - done, other=0.0)
    result = tl.sum(total, axis=0)
    if found_inf is not None:
        result = tl.where(tl.load(found_inf) == 0, result, 0.0)
    tl.store(sums + tensor * tl.num_programs(1) + which, result)
