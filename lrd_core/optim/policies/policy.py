"""What a policy is: the way the mask of a parameter tensor is drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch


@dataclass(frozen=True, slots=True)
class Draw:
    """All that a mask may depend on.

    Attributes:
        seed: the wrapper's seed.
        step: counted from 1.
        tensor: position of the parameter among all parameters of the optimizer, from 0.
        keep: probability that a coordinate keeps its learning rate, in (0, 1).
        parameter: the tensor, after the base optimizer's step; its gradient is ``.grad``.
        state: the base optimizer's state of this parameter, e.g. ``exp_avg``.
    """

    seed: int
    step: int
    tensor: int
    keep: float
    parameter: torch.Tensor
    state: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Policy:
    """One way to draw masks.

    Attributes:
        name: key, e.g. ``"elementwise"``.
        label: words shown to a person.
        help: one sentence.
        mask: a bool tensor of the parameter's shape; true keeps the coordinate. A pure function of
            its `Draw`: randomness comes from `lrd_core.optim.random_bits` only.
    """

    name: str
    label: str
    help: str
    mask: Callable[[Draw], torch.Tensor]
