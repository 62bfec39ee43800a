"""Looking at a model somewhere else than where its parameters stand, leaving no trace."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from lrd_core.problems.problem import Instance


@dataclass(frozen=True)
class Point:
    """A place in parameter space: copies of parameters and buffers."""

    parameters: tuple[torch.Tensor, ...]
    buffers: Mapping[str, torch.Tensor]

    @staticmethod
    def of(instance: Instance) -> Point:
        """Where an instance stands."""
        parameters = tuple(p.detach().clone() for p in instance.parameters)
        return Point(parameters, {k: b.detach().clone() for k, b in instance.buffers.items()})

    def put(self, instance: Instance) -> None:
        """Write it into an instance."""
        with torch.no_grad():
            for parameter, value in zip(instance.parameters, self.parameters, strict=True):
                parameter.copy_(value)
            self.put_buffers(instance)

    def put_buffers(self, instance: Instance) -> None:
        """Write the buffers alone."""
        for name, buffer in instance.buffers.items():
            buffer.copy_(self.buffers[name])


@contextmanager
def standing(instance: Instance, point: Point | None) -> Iterator[Point]:
    """An instance at another point for a while (None: where it is); gives that point. Afterwards
    its parameters and buffers have their bits of before."""
    before = Point.of(instance)
    try:
        if point is not None:
            point.put(instance)
        yield point if point is not None else before
    finally:
        before.put(instance)
