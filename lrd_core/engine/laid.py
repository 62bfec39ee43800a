"""Copies of a problem laid side by side, and whether they compute there as each would alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from lrd_core.problems.problem import Instance
from lrd_core.problems.tasks.stacked import BoundStack, Run, of_one_thread

#: Floats that a copy's row is a multiple of, so that all rows are aligned alike: 64 bytes.
_LINE = 16


class Laid:
    """Memory for parameters and gradients of several copies.

    Args:
        instances: whose parameters are copied.

    Attributes:
        parameters, gradients: of all copies, (copies, *shape) each.
    """

    def __init__(self, instances: Sequence[Instance]) -> None:
        first, copies = instances[0].parameters, len(instances)
        self._numel = sum(p.numel() for p in first)
        width = -(-self._numel // _LINE) * _LINE
        self._rows = torch.zeros(copies, width, dtype=first[0].dtype, device=first[0].device)
        self.gradients = [self._rows.new_zeros(copies, *p.shape) for p in first]
        self.parameters: list[torch.Tensor] = []
        begin = 0
        for k, p in enumerate(first):
            part = self._rows[:, begin : begin + p.numel()].view(copies, *p.shape)
            for row, one in zip(part, instances, strict=True):
                row.copy_(one.parameters[k].detach())
            self.parameters.append(part)
            begin += p.numel()

    def flat(self, row: int) -> torch.Tensor:
        """A copy's coordinates, (n,), a view."""
        return self._rows[row, : self._numel]

    def holds(self, p: torch.Tensor) -> bool:
        """Whether a tensor lies here."""
        begin = self._rows.data_ptr()
        return begin <= p.data_ptr() < begin + self._rows.nbytes

    def bind(self, instances: Sequence[Instance]) -> Run:
        """Losses of a step, detached, (copies,); writes `gradients`. One copy is one thread's."""
        stack = instances[0].stack
        if stack is None:
            raise ValueError("this problem does not stack")
        losses: Callable[[int], torch.Tensor]
        if isinstance(stack, BoundStack):
            losses = stack.bind(self.parameters, self.gradients, instances)
        else:
            losses = self._by_autograd(stack.losses, instances)
        if len(instances) > 1:
            return losses

        def run(step: int) -> torch.Tensor:
            with of_one_thread():
                return losses(step)

        return run

    def _by_autograd(
        self,
        losses: Callable[[Sequence[torch.Tensor], Sequence[Instance], int], torch.Tensor],
        instances: Sequence[Instance],
    ) -> Run:
        leaves = [p.detach().requires_grad_() for p in self.parameters]

        def run(step: int) -> torch.Tensor:
            found = losses(leaves, instances, step)
            slopes = torch.autograd.grad(found.sum(), leaves, allow_unused=True)
            for gradient, slope in zip(self.gradients, slopes, strict=True):
                if slope is None:
                    gradient.zero_()
                else:
                    gradient.copy_(slope)
            return found.detach()

        return run


def alike(instances: Sequence[Instance], step: int) -> bool:
    """Whether these copies, stacked, have the bits that each has alone: tried at random points, on
    the batches of `step`."""
    if len(instances) == 1:
        return True
    generator = torch.Generator().manual_seed(0)
    shapes = [p.shape for one in instances for p in one.parameters]
    points = [torch.randn(shape, generator=generator) * 0.3 for shape in shapes]
    stacked = Laid(instances)
    count = len(stacked.parameters)
    for place, point in enumerate(points):
        stacked.parameters[place % count][place // count].copy_(point)
    losses = stacked.bind(instances)(step)
    for row, one in enumerate(instances):
        alone = Laid([one])
        for part, point in zip(alone.parameters, points[row * count :], strict=False):
            part[0].copy_(point)
        if not torch.equal(alone.bind([one])(step)[0], losses[row]):
            return False
        if not all(
            torch.equal(g[0], s[row])
            for g, s in zip(alone.gradients, stacked.gradients, strict=True)
        ):
            return False
    return True
