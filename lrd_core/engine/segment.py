"""Consecutive steps of a run with the same columns, as they were measured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lrd_core.optim.measurement import StepSums
from lrd_core.probes import update_columns

#: Loss, (drop rate, learning rate), sums of the step, sketch; tensors are read when rows are taken.
Step = tuple[
    "float | torch.Tensor",
    tuple[float, float],
    "StepSums | None",
    "NDArray[np.float32] | torch.Tensor | None",
]


#: A table that compiled code has written, and a row in it.
Place = tuple[NDArray[np.float32], int]


class Segment:
    """Measurements of steps from `first` on, an entry each; `more` (other columns) and `copies`
    (losses of every copy) are empty where there are none.

    Attributes:
        names: of what is in `more`.
        place: where compiled code has put the first row of what it measured, others after it.
    """

    def __init__(
        self,
        first: int,
        place: Place | None,
        sums: StepSums | None,
        more: dict[str, float],
    ) -> None:
        self.first, self.place = first, place
        self._indices = None if sums is None else sums.indices
        self.names = more.keys()
        self.steps: list[Step] = []
        self.more: list[dict[str, float]] = []
        self.copies: list[list[Any]] = []
        self._read: list[float] = []

    def follows(self, step: int, sums: StepSums | None, more: dict[str, float]) -> bool:
        """Whether the row of `step`, that compiled code has not written, goes on here."""
        same = (None if sums is None else sums.indices) == self._indices
        return self.place is None and same and self.next(step, more)

    def next(self, step: int, more: dict[str, float]) -> bool:
        """Whether `step` comes after the last one here, with the same other columns."""
        return step == self.first + len(self.steps) and more.keys() == self.names

    def read(self) -> list[float]:
        """The losses as numbers."""
        if len(self._read) < len(self.steps):
            self._read += numbers([step[0] for step in self.steps[len(self._read) :]])
        return self._read

    def cut(self, rows: int) -> None:
        """Keep the first `rows` only."""
        del self.steps[rows:], self.more[rows:], self.copies[rows:], self._read[rows:]

    def settings(self) -> dict[str, Any]:
        """What was set."""
        drop_rates, lrs = zip(*[step[1] for step in self.steps], strict=True)
        return {"drop_rate": drop_rates, "lr": lrs}

    def measured(self, names: list[str], numel: Sequence[int]) -> dict[str, Any]:
        """What the updates were, from their sums; empty where there are none."""
        sums = [step[2] for step in self.steps if step[2] is not None]
        return update_columns(sums, names, numel) if sums else {}


def numbers(values: Sequence[float | torch.Tensor]) -> list[float]:
    """Losses as numbers; one wait for all that a device still holds."""
    if values and isinstance(values[0], torch.Tensor):
        read: list[float] = torch.stack(list(values)).tolist()  # type: ignore[arg-type]
        return read
    return [float(value) for value in values]
