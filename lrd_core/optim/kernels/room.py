"""Memory for what compiled code writes at every step, made many steps ahead."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray


class Room:
    """Zeroed arrays of one shape, each given once; those in one piece of memory follow each other.

    Args:
        shape, dtype: of an array.
        ahead: arrays in a piece of memory.

    Attributes:
        pieces: the newest piece, (ahead, *shape).
        place: number of the newest array in it.
        address: of the newest array; 0 before the first.
    """

    def __init__(self, shape: tuple[int, ...], dtype: DTypeLike, ahead: int) -> None:
        self._shape, self._dtype, self._ahead = (ahead, *shape), dtype, ahead
        self.pieces: NDArray[Any] = np.empty((0, *shape), dtype)
        self._stride = self.pieces.itemsize * int(np.prod(shape))
        self.place, self.address = ahead, 0

    def next(self) -> int:
        """Address of an array that nothing was written to yet."""
        self.place += 1
        if self.place < self._ahead:
            self.address += self._stride
        else:
            self.pieces = np.zeros(self._shape, self._dtype)
            self.place, self.address = 0, self.pieces.ctypes.data
        return self.address

    @property
    def newest(self) -> NDArray[Any]:
        """The array that was given last."""
        found: NDArray[Any] = self.pieces[self.place]
        return found
