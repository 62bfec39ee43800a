"""Copies of a task that train as one: batches side by side, and gradients without autograd."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch.autograd.function import once_differentiable

from lrd_core.problems.problem import Stack

if TYPE_CHECKING:
    from lrd_core.problems.tasks.task import Batch, Batches

#: Coordinates above which a model is not stacked: its products fill the processor alone.
LARGEST = 1 << 17
#: Bytes of batches that are laid side by side at once.
_AHEAD = 1 << 25

#: Losses (copies,) of a step; gradients are written.
Run = Callable[[int], torch.Tensor]


@dataclass(frozen=True)
class BoundStack(Stack):
    """A stack that needs no autograd.

    Attributes:
        bind: ``bind(parameters, gradients, copies)`` gives a `Run` for tensors that stay where they
            are; shapes as in `Stack.losses`. Bits are those of `losses` and its gradients.
    """

    bind: Callable[[Sequence[torch.Tensor], Sequence[torch.Tensor], Sequence[Any]], Run]


class SideBySide:
    """Batches of several copies.

    Args:
        batches: of each copy, all of the same shapes.

    Attributes:
        shared: all copies see the same data.
    """

    def __init__(self, batches: Sequence[Batches]) -> None:
        self._batches = batches
        self.shared = len({one.key for one in batches}) == 1
        self._first = 0
        self._ahead: Batch | None = None

    def batch(self, step: int) -> Batch:
        """Inputs (batch, …) and targets (batch, …) that all share, or (copies, batch, …)."""
        if self.shared:
            return self._batches[0].batch(step)
        at = step - self._first
        if self._ahead is None or not 0 <= at < self._ahead[0].shape[1]:
            self._first, at = step, 0
            self._ahead = self._read(step)
        inputs, targets = self._ahead
        return inputs[:, at], targets[:, at]

    def _read(self, step: int) -> Batch:
        """Batches of some steps from `step` on, (copies, steps, batch, …)."""
        if all(hasattr(one, "ahead") for one in self._batches):
            inputs, targets = self._batches[0].batch(step)
            each = inputs.nbytes + targets.nbytes
            most = max(1, _AHEAD // (each * len(self._batches)))
            found = [one.ahead(step, most) for one in self._batches]  # type: ignore[attr-defined]
        else:
            single = [one.batch(step) for one in self._batches]
            found = [(inputs.unsqueeze(0), targets.unsqueeze(0)) for inputs, targets in single]
        return torch.stack([x for x, _ in found]), torch.stack([y for _, y in found])


@contextmanager
def of_one_thread() -> Iterator[None]:
    """Within, torch computes on the caller's thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def by_hand(
    run: Run, step: int, gradients: Sequence[torch.Tensor], parameters: Sequence[torch.Tensor]
) -> torch.Tensor:
    """Losses (copies,) of a step with a graph, whose gradients come with them.

    Args:
        run: reads `parameters`, writes `gradients`.
    """
    apply: Any = _ByHand.apply
    losses: torch.Tensor = apply(run, step, gradients, *parameters)
    return losses


class _ByHand(torch.autograd.Function):
    @staticmethod
    def forward(
        context: Any, run: Run, step: int, gradients: Sequence[torch.Tensor], *_: torch.Tensor
    ) -> torch.Tensor:
        context.gradients = gradients
        with of_one_thread():
            return run(step)

    @staticmethod
    @once_differentiable
    def backward(context: Any, slopes: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        found = (g * slopes.view(-1, *[1] * (g.dim() - 1)) for g in context.gradients)
        return None, None, None, *found
