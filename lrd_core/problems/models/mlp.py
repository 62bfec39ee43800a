"""Multilayer perceptron: affine layers with ReLU between them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F

from lrd_core.problems.models.mlp_gradients import MlpGradients
from lrd_core.problems.models.model import HE, aligned
from lrd_core.seeds import generator


class Mlp:
    """Affine layers of the given sizes.

    Weights are uniform on ±√(gain / inputs) where a ReLU follows and on ±√(1 / inputs) in the
    output layer; biases are zero. Layer k draws from
    ``generator(seed, "init", k)`` alone, so that the start is a function of (sizes, seed).

    Attributes:
        parameters: weight (outputs, inputs) and bias (outputs,) of each layer in turn, float32.
        names: ``fc1.weight``, ``fc1.bias``, …, ``out.weight``, ``out.bias``.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        seed: int,
        device: torch.device | None = None,
        gain: float = HE,
    ) -> None:
        """`gain`: `HE`, or `TORCH` for a start with smaller weights."""
        self.parameters: list[torch.nn.Parameter] = []
        self.names: list[str] = []
        self.buffers: dict[str, torch.Tensor] = {}
        last = len(sizes) - 2
        for k, (inputs, outputs) in enumerate(pairwise(sizes)):
            bound = ((1.0 if k == last else gain) / inputs) ** 0.5
            draw = generator(seed, "init", k).uniform(-bound, bound, (outputs, inputs))
            weight = torch.from_numpy(draw.astype("float32")).to(device)
            self.parameters += [torch.nn.Parameter(weight)]
            self.parameters += [torch.nn.Parameter(torch.zeros(outputs, device=device))]
            name = "out" if k == last else f"fc{k + 1}"
            self.names += [f"{name}.weight", f"{name}.bias"]

    def __call__(self, inputs: torch.Tensor, train: bool = True) -> torch.Tensor:
        """Logits (batch, outputs) of `inputs` (batch, inputs), float32; `train` changes nothing."""
        return stacked([p.unsqueeze(0) for p in self.parameters], inputs).squeeze(0)

    @staticmethod
    def stacked(parameters: Sequence[torch.Tensor], inputs: torch.Tensor) -> torch.Tensor:
        """See `StackedModel`."""
        return stacked(parameters, inputs)

    def aligned(self, batch: int) -> bool:
        """See `StackedModel`."""
        return aligned(self.parameters[::2], batch)

    @staticmethod
    def gradients(
        parameters: Sequence[torch.Tensor], gradients: Sequence[torch.Tensor], batch: int
    ) -> MlpGradients:
        """Cross-entropy of several MLPs and its gradients, see `MlpGradients`."""
        return MlpGradients(parameters, gradients, batch)


def stacked(parameters: Sequence[torch.Tensor], images: torch.Tensor) -> torch.Tensor:
    """Logits of several MLPs at once.

    Args:
        parameters: as `Mlp.parameters`, each with a leading dimension (copies,).
        images: (batch, inputs) for all of them, or (copies, batch, inputs).

    Returns:
        (copies, batch, outputs).
    """
    copies = parameters[0].shape[0]
    x = images.expand(copies, *images.shape) if images.dim() == 2 else images
    layers = list(zip(parameters[::2], parameters[1::2], strict=True))
    for weight, bias in layers[:-1]:
        x = F.relu(torch.baddbmm(bias.unsqueeze(1), x, weight.transpose(1, 2)))
    weight, bias = layers[-1]
    return torch.baddbmm(bias.unsqueeze(1), x, weight.transpose(1, 2))
