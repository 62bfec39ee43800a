"""What a model is to a task: parameters, buffers, and logits from a batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import torch


class Model(Protocol):
    """A network whose start is a function of (sizes, seed).

    Attributes:
        parameters, names: what is trained, in order.
        buffers: what a training pass changes beside them (running means), by name.
    """

    parameters: list[torch.nn.Parameter]
    names: list[str]
    buffers: dict[str, torch.Tensor]

    def __call__(self, inputs: torch.Tensor, train: bool = True) -> torch.Tensor:
        """Outputs of a batch; with `train` as during training (batch statistics, buffers move)."""
        ...


class StackedModel(Model, Protocol):
    """A model several copies of which compute as one."""

    @staticmethod
    def stacked(parameters: Sequence[torch.Tensor], inputs: torch.Tensor) -> torch.Tensor:
        """Outputs (copies, batch, …) of `parameters`, each (copies, *shape), for inputs that all
        share, (batch, …), or one batch a copy, (copies, batch, …)."""
        ...


def stacks(model: Model) -> Any:
    """The model's `stacked`, or None."""
    return getattr(model, "stacked", None)
