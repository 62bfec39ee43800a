"""The sums of a sketch in compiled code: beside a small step, a call of torch takes longer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from lrd_core.optim.kernels.room import Room
from lrd_core.probes import step_code
from lrd_core.probes.step_code import SIZE

#: Sketches that room is made for at once.
_AHEAD = 64


class SketchSums:
    """Signed sums of one run's coordinates, on the CPU.

    Args:
        signs: of each coordinate, int8 (n,): a byte, to leave the cache to training.
        stride: distance of coordinates in a tensor.

    Attributes:
        compiled: there is compiled code.
    """

    def __init__(self, signs: NDArray[np.int8], stride: int) -> None:
        self._signs, self._stride = signs, stride
        self._compiled = step_code.compiled("sums")
        self.compiled = self._compiled is not None
        self._room = Room((SIZE,), np.float32, _AHEAD)
        self._parts: list[NDArray[np.float32]] = []
        self._header = self.header(0)

    def bind(self, parts: Sequence[torch.Tensor]) -> None:
        """Take the coordinates from there: flat tensors, every `stride`-th element of each."""
        self._parts = [part.numpy() for part in parts]
        self._header = self.header(0)

    def header(self, out: int) -> NDArray[np.int64]:
        """What ``sums`` of `step_code` reads, to write to `out`; until the next `bind`."""
        table = [value for part in self._parts for value in (part.ctypes.data, len(part))]
        fixed = len(self._parts), self._stride, len(self._signs), self._signs.ctypes.data, out
        return np.array([*fixed, *table], dtype=np.int64)

    def __call__(self) -> NDArray[np.float32]:
        """The sums now, (16,); the array is not written again."""
        if self._compiled is None:
            return self._by_numpy()
        self._header[4] = self._room.next()
        self._compiled(self._header.ctypes.data)
        return self._room.newest

    def _by_numpy(self) -> NDArray[np.float32]:
        terms = np.zeros(-(-len(self._signs) // SIZE) * SIZE, dtype=np.float32)
        terms[: len(self._signs)] = self._signs * np.concatenate(self._parts)
        found: NDArray[np.float32] = terms.reshape(-1, SIZE).sum(axis=0)
        return found
