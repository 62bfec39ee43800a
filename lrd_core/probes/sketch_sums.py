"""The sums of a sketch in compiled code: beside a small step, a call of torch takes longer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from lrd_core.optim.kernels import objects

#: Numbers in a sketch.
SIZE = 16
#: Sketches that room is made for at once.
_AHEAD = 64

#: Code of ``signed_sums(address of a header)``; its names are imported by `HEAD`.
CODE = f"""
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
"""
HEAD = '''"""Generated; don't edit."""

import math

from numba import carray, cfunc, float32, float64, int64, njit, types

from lrd_core.optim.kernels.cpu_blocks import (
    accumulate, add_rows, to_float32, to_float64, to_int8, to_int64,
)

'''
_SOURCE = f"""{HEAD}
{CODE}

@cfunc(types.void(types.int64), error_model="numpy")
def sums(address):
    signed_sums(address)
"""


class SketchSums:
    """Signed sums of one run's coordinates, on the CPU.

    Args:
        signs: of each coordinate, int8 (n,): a byte, to leave the cache to training.
        stride: distance of coordinates in a tensor.

    Attributes:
        compiled: there is compiled code.
        at: address of the newest sums.
    """

    def __init__(self, signs: NDArray[np.int8], stride: int) -> None:
        self._signs, self._stride = signs, stride
        self._compiled = objects.function("sketch", _SOURCE, "sums")
        self.compiled = self._compiled is not None
        self.at = 0
        self._out = np.zeros((_AHEAD, SIZE), dtype=np.float32)
        self._slot = _AHEAD
        self._parts: list[NDArray[np.float32]] = []
        self._header = np.zeros(5, dtype=np.int64)
        self._at = self._header.ctypes.data

    def bind(self, parts: Sequence[torch.Tensor]) -> None:
        """Take the coordinates from there: flat tensors, every `stride`-th element of each."""
        self._parts = [part.numpy() for part in parts]
        self._header = np.array(
            [len(parts), self._stride, len(self._signs), self._signs.ctypes.data, 0]
            + [value for part in parts for value in (part.data_ptr(), len(part))],
            dtype=np.int64,
        )
        self._at = self._header.ctypes.data
        self._slot = _AHEAD

    def header(self) -> int:
        """Address of what ``signed_sums`` reads; it will write where nothing was written before,
        at `at`."""
        if self._slot + 1 < _AHEAD:
            self._slot += 1
            self.at += 4 * SIZE
        else:
            self._slot, self._out = 0, np.zeros((_AHEAD, SIZE), dtype=np.float32)
            self.at = self._out.ctypes.data
        self._header[4] = self.at
        return self._at

    def __call__(self) -> NDArray[np.float32]:
        """The sums now, (16,); the array is not written again."""
        if self._compiled is None:
            return self._by_numpy()
        self._compiled(self.header())
        found: NDArray[np.float32] = self._out[self._slot]
        return found

    def _by_numpy(self) -> NDArray[np.float32]:
        terms = np.zeros(-(-len(self._signs) // SIZE) * SIZE, dtype=np.float32)
        terms[: len(self._signs)] = self._signs * np.concatenate(self._parts)
        found: NDArray[np.float32] = terms.reshape(-1, SIZE).sum(axis=0)
        return found
