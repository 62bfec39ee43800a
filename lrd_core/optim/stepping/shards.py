"""Where a tensor lies in the whole parameter: itself, or a shard of a DTensor (FSDP2).

Each rank steps its own shard, draws the mask of that shard's place in the whole parameter, and
counts that shard only: `StepStatistics` are this rank's share, and summed over the ranks of a shard
they are the whole parameter's. Replicated parameters (DDP) have the same mask on every rank.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True, slots=True)
class Place:
    """A box in the whole parameter.

    Attributes:
        shape: of the whole parameter.
        start: the box's first index in each dimension.
        local: the box's shape.
    """

    shape: tuple[int, ...]
    start: tuple[int, ...]
    local: tuple[int, ...]

    @property
    def offset(self) -> int | None:
        """Row-major position of the first element; None if the box's positions have gaps."""
        ranges = zip(self.local, self.shape, strict=True)
        cut = next((d for d, (size, _) in enumerate(ranges) if size != 1), len(self.local))
        if 0 not in self.local and self.local[cut + 1 :] != self.shape[cut + 1 :]:
            return None
        position = 0
        for index, size in zip(self.start, self.shape, strict=True):
            position = position * size + index
        return position


def is_sharded(tensor: Any) -> bool:
    """Whether it is a DTensor; torch.distributed is not imported for the question."""
    module = sys.modules.get("torch.distributed.tensor")
    return module is not None and isinstance(tensor, module.DTensor)


def local(tensor: torch.Tensor) -> torch.Tensor:
    """The part of a tensor on this rank: the tensor itself unless it is a DTensor."""
    if not is_sharded(tensor):
        return tensor
    part: torch.Tensor = tensor.to_local()  # type: ignore[attr-defined]
    return part


def local_gradient(gradient: torch.Tensor, parameter: torch.Tensor) -> torch.Tensor:
    """This rank's part of a gradient, cut as its parameter is.

    Autograd leaves some gradients of DTensors as they came: a sum over ranks yet to be made where
    the parameter is replicated, or whole where it is sharded. Such a one is redistributed.
    """
    if not is_sharded(gradient):
        return gradient
    mesh, placements = parameter.device_mesh, parameter.placements  # type: ignore[attr-defined]
    if gradient.placements != placements:  # type: ignore[attr-defined]
        gradient = gradient.redistribute(mesh, placements)  # type: ignore[attr-defined]
    part: torch.Tensor = gradient.to_local()  # type: ignore[attr-defined]
    # A collective that is still on its way has no memory to read yet.
    wait = getattr(part, "wait", None)
    return part if wait is None else wait()


def place(tensor: torch.Tensor) -> Place:
    """Where this rank's part of a tensor lies."""
    shape = tuple(tensor.shape)
    if not is_sharded(tensor):
        return Place(shape, (0,) * len(shape), shape)
    from torch.distributed.tensor._utils import compute_local_shape_and_global_offset

    size, start = compute_local_shape_and_global_offset(
        tensor.shape,
        tensor.device_mesh,  # type: ignore[attr-defined]
        tensor.placements,  # type: ignore[attr-defined]
    )
    return Place(shape, tuple(start), tuple(size))
