"""What an engine is told about a step: fixed entries, one a tensor, and what changes each step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch

#: What the coin leaves out: the update, or the gradient before the moments.
Mode = Literal["update", "gradient"]


@dataclass(frozen=True, slots=True)
class Entry:
    """A parameter tensor and its state; all tensors dense, row-major, of one dtype and device.

    Attributes:
        index: position among all parameters of the optimizer, from 0; it enters the mask's key.
        start: row-major position of the first element in the whole parameter: above 0 for shards.
        parameter: to be changed in place.
        states: per-coordinate state in the order of `Program.states`, changed in place.
        step: torch's own step counter of this tensor, float32 with one element, to be raised by
            one; None if the optimizer keeps none.
    """

    index: int
    start: int
    parameter: torch.Tensor
    states: tuple[torch.Tensor, ...]
    step: torch.Tensor | None


@dataclass(frozen=True, slots=True)
class Variant:
    """Which code a step needs beside the program.

    Attributes:
        dtype: of parameters, gradients and states.
        mode: what the coin leaves out.
        scaled: kept updates (or gradients) are multiplied by a factor.
        statistics: sums are measured in the same pass.
    """

    dtype: torch.dtype
    mode: Mode = "update"
    scaled: bool = False
    statistics: bool = False


#: Sums of one tensor and step, in this order: g·g, Δ·Δ, Δ·g over all coordinates; Δ·Δ, Δ·g over
#: those whose update was kept; number of coordinates that the coin kept. Δ is the full update
#: before a factor; g the caller's gradient.
SUMS = ("grad_sq", "full_sq", "full_dot_grad", "kept_sq", "kept_dot_grad", "kept")
