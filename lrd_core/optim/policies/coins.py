"""The coins that policies share: who shares one, and its position in a shard.

A coin's bit depends on (seed, step, tensor, position) only, and position is that in the whole
parameter. So a shard's coins are the slice of the whole parameter's.
"""

from __future__ import annotations

import math

import torch

from lrd_core.optim.policies.policy import Draw
from lrd_core.optim.random_bits import keep_at, keep_mask


def strides(shape: tuple[int, ...]) -> list[int]:
    """How far apart in row-major order two neighbours along each dimension are."""
    return [math.prod(shape[d + 1 :]) for d in range(len(shape))]


def positions(
    shape: tuple[int, ...],
    start: tuple[int, ...],
    local: tuple[int, ...],
    device: torch.device,
) -> range | torch.Tensor:
    """Row-major positions, in the whole tensor, of a box in it.

    Args:
        shape: of the whole tensor.
        start: the box's first index in each dimension.
        local: the box's shape.
        device: of the result, if it is a tensor.

    Returns:
        A range where they follow each other (a whole tensor, a shard along dimension 0), else
        int64 of shape `local`: 8 bytes a coordinate while the step lasts.
    """
    first = sum(index * stride for index, stride in zip(start, strides(shape), strict=True))
    numel = math.prod(local)
    cut = next((d for d, size in enumerate(local) if size != 1), len(local))
    if numel == 0 or local[cut + 1 :] == shape[cut + 1 :]:
        return range(first, first + numel)
    places = torch.full((), first, device=device)
    for size, stride in zip(local, strides(shape), strict=True):
        places = places.unsqueeze(-1) + torch.arange(size, device=device) * stride
    return places


def coordinates(draw: Draw) -> torch.Tensor:
    """A coin for every coordinate, by its row-major position: bool, the parameter's shape."""
    local, device = draw.before.shape, draw.before.device
    where = positions(draw.shape, draw.start, tuple(local), device)
    if isinstance(where, torch.Tensor):
        return keep_at(draw.seed, draw.step, draw.tensor, where, draw.keep)
    mask = keep_mask(draw.seed, draw.step, draw.tensor, len(where), draw.keep, device, where.start)
    return mask.view(local)


def along(draw: Draw, dimension: int) -> torch.Tensor:
    """A coin for every index of a dimension, by that index.

    Returns:
        Bool of the parameter's number of dimensions, with size 1 in all others.
    """
    local = draw.before.shape
    mask = keep_mask(
        draw.seed,
        draw.step,
        draw.tensor,
        local[dimension],
        draw.keep,
        draw.before.device,
        draw.start[dimension],
    )
    return mask.view([-1 if d == dimension else 1 for d in range(len(local))])


def single(draw: Draw, tensor: int) -> torch.Tensor:
    """One coin, at position 0 of the tensor of this number: bool of shape ()."""
    return keep_mask(draw.seed, draw.step, tensor, 1, draw.keep, draw.before.device).view(())
