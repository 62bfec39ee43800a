"""What masks are drawn from, for many optimizers and some steps in advance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lrd_core.optim import random_bits

#: Steps computed at once: as arrays they take as long as one.
_AHEAD = 64
_MASK = (1 << 64) - 1


class StepKeys:
    """`random_bits.step_key` of optimizers that step together."""

    def __init__(self) -> None:
        self._seeds: list[int] = []
        self._next: list[int] = []
        self._keys = np.empty((0, 0), dtype=np.int64)
        self._at = 0

    def of(self, seeds: list[int], steps: list[int]) -> NDArray[np.int64]:
        """The keys of each seed and step, (optimizers,), as int64 of the same bits."""
        if self._at >= len(self._keys) or steps != self._next or seeds != self._seeds:
            self._seeds, self._keys, self._at = seeds, _keys(seeds, steps), 0
        keys: NDArray[np.int64] = self._keys[self._at]
        self._at += 1
        self._next = [step + 1 for step in steps]
        return keys


def _keys(seeds: Sequence[int], steps: Sequence[int]) -> NDArray[np.int64]:
    """Of `_AHEAD` steps from `steps` on, (steps, optimizers)."""
    # Its arithmetic modulo 2^64 is that of uint64.
    key: Any = random_bits.step_key
    seed = np.array([value & _MASK for value in seeds], np.uint64)
    step = np.array([[(s + i) & _MASK for s in steps] for i in range(_AHEAD)], np.uint64)
    keys: NDArray[np.int64] = key(seed, step).view(np.int64)
    return keys
