"""Compiled code of what is measured at every step: a run's sketch, statistics and ratios."""

from __future__ import annotations

from lrd_core.optim.kernels import objects

#: Numbers in a sketch.
SIZE = 16

_SOURCE = f'''"""Generated; don't edit."""

import math

from numba import carray, cfunc, float32, float64, int64, njit, types

from lrd_core.optim.kernels.cpu_blocks import (
    accumulate, add_rows, to_float32, to_float64, to_int8, to_int64,
)


@njit(error_model="numpy")
def signed_sums(address):
    header = carray(to_int64(address), 5)
    pieces, stride, count = header[0], header[1], header[2]
    signs = carray(to_int8(header[3]), count)
    out = carray(to_float32(header[4]), {SIZE})
    table = carray(to_int64(address + 40), 2 * pieces)
    for k in range({SIZE}):
        out[k] = float32(0)
    i = int64(0)
    for piece in range(pieces):
        n = table[2 * piece + 1]
        at = int64(0)
        if stride == 1 and i % {SIZE} == 0:
            rows = n // {SIZE}
            add_rows(header[4], header[3] + i, table[2 * piece], rows)
            at += {SIZE} * rows
            i += at
        x = carray(to_float32(table[2 * piece]), n * stride)
        while at < n:
            out[i % {SIZE}] += float32(signs[i]) * x[at * stride]
            at += 1
            i += 1


@njit(error_model="numpy")
def cosine(product, lengths):
    found = product / lengths
    return float64(math.nan) if math.isinf(found) else found


@cfunc(types.void(types.int64), error_model="numpy")
def sums(address):
    signed_sums(address)


@cfunc(types.void(types.int64), error_model="numpy")
def row(address):
    header = carray(to_int64(address), 9)
    signed_sums(header[5])
    tensors = header[0]
    newest = carray(to_int64(header[1]), 1)
    sums = carray(to_float64(newest[0] + header[2]), (tensors, 6))
    factors = carray(to_float64(header[3]), tensors)
    sizes = carray(to_float64(header[4]), tensors)
    signed = carray(to_float32(carray(to_int64(header[5]), 5)[4]), {SIZE})
    frame = carray(to_float32(header[6]), (4, {SIZE}))
    out = carray(to_float32(header[7]), 5 + tensors + {SIZE} + 2)
    grad, full, masked, masked_full, masked_grad, kept, size = (
        float64(0), float64(0), float64(0), float64(0), float64(0), float64(0), float64(0)
    )
    # One tensor after the other, as `StepStatistics` adds.
    for t in range(tensors):
        scaled = sums[t, 3] * factors[t]
        grad += sums[t, 0]
        full += sums[t, 1]
        masked += scaled * factors[t]
        masked_full += scaled
        masked_grad += sums[t, 4] * factors[t]
        kept += sums[t, 5]
        size += sizes[t]
        out[5 + t] = float32(sums[t, 5] / sizes[t])
    grad, full, masked = math.sqrt(grad), math.sqrt(full), math.sqrt(masked)
    out[0] = float32(grad)
    out[1] = float32(masked)
    out[2] = float32(kept / size)
    out[3] = float32(cosine(masked_full, masked * full))
    out[4] = float32(cosine(-masked_grad, masked * grad))
    x = float32(0)
    y = float32(0)
    for i in range({SIZE}):
        here = signed[i] * frame[0, i] - frame[1, i]
        out[5 + tensors + i] = here
        x += frame[2, i] * here
        y += frame[3, i] * here
    out[5 + tensors + {SIZE}] = x
    out[5 + tensors + {SIZE} + 1] = y
    header[7] += header[8]


@cfunc(types.void(types.int64), error_model="numpy")
def ratios(address):
    header = carray(to_int64(address), 5)
    tensors = header[0]
    newest = carray(to_int64(header[1]), 1)
    sums = carray(to_float64(newest[0] + header[2]), (tensors, 6))
    factors = carray(to_float64(header[3]), tensors)
    out = carray(to_float64(header[4]), tensors)
    table = carray(to_int64(address + 40), 2 * tensors)
    for t in range(tensors):
        x = carray(to_float32(table[2 * t]), table[2 * t + 1])
        square = float32(0)
        for i in range(table[2 * t + 1]):
            square = accumulate(square, x[i] * x[i])
        out[t] = math.sqrt(sums[t, 3]) * factors[t] / math.sqrt(float64(square))
'''


def compiled(name: str) -> objects.Function | None:
    """``sums``, ``row`` or ``ratios``, functions of a header's address; None without a compiler.

    Headers are int64. ``sums``: tensors, distance of coordinates, number of coordinates, addresses
    of their signs and of the sums, then address and number of coordinates of each tensor. ``row``:
    tensors, address of the address of a table of the step's sums, bytes to them in it, addresses of
    factors, sizes, a header of ``sums``, `Sketch.frame` and the row, and bytes from there to the
    next row, which is written next. ``ratios``: as ``row`` up to
    the factors, address of the ratios, then address and number of elements of each tensor.
    """
    return objects.function("step", _SOURCE, name)
