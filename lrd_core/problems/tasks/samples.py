"""Held-out examples of a task as a person can look at them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Pictures:
    """Small labelled pictures.

    Attributes:
        inputs: what the model takes, (N, …).
        labels: (N,), int64.
        pixels: (N, height, width, channels), uint8.
        classes: a word for each class.
    """

    inputs: torch.Tensor
    labels: torch.Tensor
    pixels: torch.Tensor
    classes: tuple[str, ...]


@dataclass(frozen=True)
class Points:
    """Points of a plane that belong to one of two classes.

    Attributes:
        inputs: places, (N, 2).
        labels: (N,), int64, 0 or 1.
        grid: places all over the plane, (side · side, 2), row by row from the lowest y.
        reach: the plane is drawn from −reach to reach along both axes.
        classes: a word for each class.
    """

    inputs: torch.Tensor
    labels: torch.Tensor
    grid: torch.Tensor
    reach: float
    classes: tuple[str, str]


@dataclass(frozen=True)
class Passage:
    """A passage of a text.

    Attributes:
        codes: (length,), int64; at most the model's context and one more.
        vocabulary: code i is character i.
    """

    codes: torch.Tensor
    vocabulary: str


Samples = Pictures | Points | Passage
#: Makes the samples of an instance when they are looked at.
MakeSamples = Callable[[], Samples]


def lattice(side: int, reach: float, device: torch.device) -> torch.Tensor:
    """Places all over the plane, see `Points.grid`."""
    line = (torch.arange(side, device=device) + 0.5) * (2 * reach / side) - reach
    y, x = torch.meshgrid(line, line, indexing="ij")
    return torch.stack([x, y], -1).view(-1, 2)
