"""What a model is to a task: parameters, buffers, and logits from a batch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import torch

#: Square of the uniform bound times fan-in: torch's own start, and He et al. (2015) before a ReLU.
TORCH, HE = 1.0, 6.0
#: Float32 values in 16 bytes.
BLOCK = 4


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

    def aligned(self, batch: int) -> bool:
        """Whether the copies have, to the bit, the results that each has alone, with this many
        examples a step; see `aligned`."""
        ...

    @staticmethod
    def stacked(parameters: Sequence[torch.Tensor], inputs: torch.Tensor) -> torch.Tensor:
        """Outputs (copies, batch, …) of `parameters`, each (copies, *shape), for inputs that all
        share, (batch, …), or one batch a copy, (copies, batch, …)."""
        ...


def aligned(matrices: Iterable[torch.Tensor], rows: int) -> bool:
    """Whether matrices, and activations with so many rows, are whole blocks of 16 bytes a copy.

    The order in which a product of matrices sums depends on where its memory begins within such a
    block (found with MKL on x86), and that of a single product also on whether a side is 1.
    Copies that lie side by side begin alike only in whole blocks.
    """
    whole = all(matrix.numel() % BLOCK == 0 and min(matrix.shape) > 1 for matrix in matrices)
    return whole and rows % BLOCK == 0


def stacks(model: Model) -> Any:
    """The model's `stacked`, or None."""
    return getattr(model, "stacked", None)
