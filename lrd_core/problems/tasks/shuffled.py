"""Batches of data that are small enough to be copied once an epoch."""

from __future__ import annotations

from collections.abc import Hashable

import torch

from lrd_core.data.batches import epoch_and_rows, order, steps_per_epoch
from lrd_core.problems.tasks.task import FIXED, Batch


class Shuffled:
    """Batches in a fresh order every epoch; satisfies `Batches`.

    The order is a function of (seed, epoch); examples that don't fill a whole batch sit that
    epoch out.

    Args:
        inputs, targets: (examples, …), on the device.
        batch: examples a step, at most all of them.
        key: equal for equal data; the seed and the batch size join it.
    """

    def __init__(
        self,
        inputs: torch.Tensor,
        targets: torch.Tensor,
        seed: int,
        batch: int,
        key: Hashable = None,
    ) -> None:
        self.key: Hashable = (seed, batch, key)
        self._inputs, self._targets = inputs, targets
        self._seed = seed
        self._batch = batch
        self.steps_per_epoch = steps_per_epoch(len(inputs), batch)
        self._epoch = -1
        self._shuffled = inputs, targets

    def batch(self, step: int) -> Batch:
        """Inputs (batch, …) and targets (batch, …) of `step`: views."""
        rows = self._rows(step)
        inputs, targets = self._shuffled
        return inputs[rows], targets[rows]

    def ahead(self, step: int, most: int) -> Batch:
        """The batches of `step` and at most `most` − 1 steps after it in its epoch, (steps, batch,
        …) each; the same number for every seed."""
        rows = self._rows(step)
        whole = len(self._inputs) // self._batch * self._batch
        rows = slice(rows.start, min(whole, rows.start + most * self._batch))
        inputs, targets = (part[rows] for part in self._shuffled)
        return _by_step(inputs, self._batch), _by_step(targets, self._batch)

    def _rows(self, step: int) -> slice:
        """Place of the batch of `step` in its epoch, whose data are `self._shuffled` then: a copy
        in the epoch's order, so that a batch is a view."""
        count = len(self._inputs)
        epoch, rows = epoch_and_rows(step, count, self._batch)
        if epoch != self._epoch:
            places = order(self._seed, epoch, count, self._inputs.device)
            self._shuffled = self._inputs[places], self._targets[places]
            self._epoch = epoch
        return rows

    def fixed(self) -> Batch:
        """The first training examples."""
        return self._inputs[:FIXED], self._targets[:FIXED]


def _by_step(rows: torch.Tensor, batch: int) -> torch.Tensor:
    return rows.view(-1, batch, *rows.shape[1:])
