"""Deep linear network: a product of matrices (Saxe, McClelland, Ganguli, ICLR 2014)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch

from lrd_core.problems.models.model import aligned
from lrd_core.seeds import generator


class LinearNetwork:
    """Layers W of the given sizes without biases: x ↦ W_L … W_1 x.

    Entries of the layer from m to n units are normal with standard deviation
    `scale` / √max(m, n): singular values of the order of `scale`. Layer k draws from
    ``generator(seed, "init", k)`` alone.

    Attributes:
        parameters: W_1, W_2, …, each (outputs, inputs), float32.
        names: ``W1``, ``W2``, ….
    """

    def __init__(
        self, sizes: Sequence[int], scale: float, seed: int, device: torch.device | None = None
    ) -> None:
        self.names = [f"W{k + 1}" for k in range(len(sizes) - 1)]
        self.buffers: dict[str, torch.Tensor] = {}
        self.parameters: list[torch.nn.Parameter] = []
        for k, (inputs, outputs) in enumerate(pairwise(sizes)):
            draw = generator(seed, "init", k).standard_normal((outputs, inputs))
            draw *= scale / max(inputs, outputs) ** 0.5
            value = torch.from_numpy(draw.astype("float32"))
            self.parameters.append(torch.nn.Parameter(value.to(device)))

    def __call__(self, inputs: torch.Tensor, train: bool = True) -> torch.Tensor:
        """Outputs (batch, outputs) for `inputs` (batch, inputs); `train` changes nothing."""
        return self.stacked([p.unsqueeze(0) for p in self.parameters], inputs).squeeze(0)

    def aligned(self, batch: int) -> bool:
        """See `StackedModel`."""
        return aligned(self.parameters, batch)

    @staticmethod
    def stacked(parameters: Sequence[torch.Tensor], inputs: torch.Tensor) -> torch.Tensor:
        """See `StackedModel`."""
        copies = parameters[0].shape[0]
        x = inputs.expand(copies, *inputs.shape) if inputs.dim() == 2 else inputs
        for weight in parameters:
            x = torch.bmm(x, weight.transpose(1, 2))
        return x
