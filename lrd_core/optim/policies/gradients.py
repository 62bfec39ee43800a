"""What policies that look at the gradient share."""

from __future__ import annotations

from typing import Any

import torch

from lrd_core.optim.policies.policy import Draw

#: Where an optimizer keeps its momentum: torch's names, then those of the rules.
MOMENTA = ("exp_avg", "momentum_buffer", "m", "b")


def dense(gradient: torch.Tensor) -> torch.Tensor:
    """The gradient as a strided tensor."""
    return gradient if gradient.layout == torch.strided else gradient.to_dense()


def momentum(draw: Draw, gradient: torch.Tensor) -> torch.Tensor:
    """The base optimizer's momentum of this parameter, or the gradient where it has none.

    A state that is no plain number a coordinate (quantised, factored) counts as none.
    """
    for name in MOMENTA:
        value: Any = draw.state.get(name)
        # Of a sharded parameter the state is a DTensor; importing that class takes a second.
        if callable(local := getattr(value, "to_local", None)):
            value = local()
        if (
            isinstance(value, torch.Tensor)
            and value.shape == gradient.shape
            and (value.is_floating_point() or value.is_complex())
        ):
            return value
    return gradient
