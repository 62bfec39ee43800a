"""Instances whose loss is written in one line, for the tests of probes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch


class Toy:
    """Parameters, buffers and a fixed loss."""

    stack = None

    def __init__(
        self,
        parameters: Sequence[torch.Tensor],
        loss: Callable[..., torch.Tensor],
        buffers: dict[str, torch.Tensor] | None = None,
    ) -> None:
        self.parameters = [torch.nn.Parameter(p.clone()) for p in parameters]
        self.names = [str(i) for i in range(len(self.parameters))]
        self.buffers = buffers or {}
        self._loss = loss

    def fixed_loss(self) -> torch.Tensor:
        return self._loss(*self.parameters)

    def loss(self, step: int) -> torch.Tensor:
        return self.fixed_loss()

    def test(self) -> dict[str, float]:
        return {}

    def examine(self) -> Callable[[], dict[str, float]]:
        return dict


def flat(instance: Toy) -> torch.Tensor:
    return torch.cat([p.detach().reshape(-1) for p in instance.parameters])


def drain(work):
    """A generator's yielded values and its result."""
    seen = []
    while True:
        try:
            seen.append(next(work))
        except StopIteration as end:
            return seen, end.value
