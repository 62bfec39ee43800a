"""Parameters of several optimizers that one kernel steps in one pass."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lrd_core.optim.kernels import cpu
from lrd_core.optim.stepping.share import Share
from lrd_core.settings import Value


@dataclass(slots=True)
class _Kind:
    """Rows that share the constants of a step."""

    settings: Mapping[str, Value]
    step: int
    factor: float


class Joint:
    """One table for the shares of several optimizers.

    Args:
        shares: number of an optimizer and a share of its parameters, all of one kernel.
        factors: what the kept updates of each row of the shares are multiplied by.

    Attributes:
        slices: the rows of each share.
    """

    def __init__(
        self, shares: Sequence[tuple[int, Share]], factors: Sequence[Sequence[float]]
    ) -> None:
        first = shares[0][1]
        self._kernel = first.kernel
        self._program = program = first.kernel.program
        self._counted = first.counted
        numbers = [len(share.indices) for _, share in shares]
        ends = np.cumsum(numbers).tolist()
        self.slices = [slice(end - n, end) for end, n in zip(ends, numbers, strict=True)]
        self._table = cpu.Table(len(program.states), len(program.constants), ends[-1], whole=True)
        self._table.rows[:] = np.concatenate([share.rows for _, share in shares])
        self._table.set_sizes(self._table.column("numel").copy())
        self._optimizer = np.repeat([number for number, _ in shares], numbers)
        self._limits = np.zeros(ends[-1], dtype=np.int64)
        kinds: dict[tuple[object, ...], int] = {}
        self._kinds: list[_Kind] = []
        of = []
        for (_, share), scaled in zip(shares, factors, strict=True):
            rows = zip(share.settings, share.counts, scaled, strict=True)
            for settings, count, factor in rows:
                key = (*settings.items(), count, factor)
                if key not in kinds:
                    kinds[key] = len(kinds)
                    self._kinds.append(_Kind(settings, count + 1, factor))
                of.append(kinds[key])
        self._of = of
        self._table.share_constants(of)
        self._table.set("count", [c for _, share in shares for c in share.counts])
        self._fresh = False

    @property
    def sums_at(self) -> int:
        """Where the address of the newest sums is kept."""
        return self._table.sums_at

    def set_gradients(self, addresses: Sequence[int]) -> None:
        """Where the gradients of all rows lie."""
        self._table.set("gradient", addresses)

    def set_limits(self, rows: slice, limits: NDArray[np.int64]) -> None:
        """How many of the 2³² hash values some rows keep."""
        self._limits[rows] = limits
        self._fresh = False

    def set_lr(self, rates: Sequence[float]) -> None:
        """The learning rate of every row."""
        numbers: dict[tuple[int, float], int] = {}
        of = [numbers.setdefault(key, len(numbers)) for key in zip(self._of, rates, strict=True)]
        before = self._kinds
        self._kinds = [
            _Kind({**before[kind].settings, "lr": lr}, before[kind].step, before[kind].factor)
            for kind, lr in numbers
        ]
        self._of, self._fresh = of, False
        self._table.share_constants(of)

    def raise_counters(self) -> bool:
        """Adds 1 to every step counter; False, and nothing, if others have changed one."""
        return not self._counted or self._table.raise_counters(self._kernel)

    def lower_counters(self) -> None:
        """Takes `raise_counters` back."""
        if self._counted:
            for address in self._table.column("step").tolist():
                ctypes.c_float.from_address(address).value -= 1.0
            self._table.column("count")[:] -= 1

    @property
    def sums(self) -> NDArray[np.float64]:
        """What the last step has summed of every row, (rows, 6), if it measured."""
        return self._table.sums

    def step(self, keys: NDArray[np.int64]) -> None:
        """One pass.

        Args:
            keys: `StepKeys` of every optimizer.
        """
        table, program = self._table, self._program
        if self._counted or not self._fresh:
            for row, kind in enumerate(self._kinds):
                constants, _ = program.evaluate(kind.step, kind.settings)
                table.set_constants(row, program, constants, kind.factor)
                kind.step += self._counted
        if not self._fresh:
            table.set_coins(self._limits)
            self._fresh = True
        table.set("base", keys[self._optimizer])
        table.run(self._kernel, self._kernel.variant.statistics)
