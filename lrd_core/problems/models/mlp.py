"""Multilayer perceptron: affine layers with ReLU between them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F

from lrd_core.seeds import generator


class Mlp:
    """Affine layers of the given sizes.

    Weights are uniform on ±√(6 / inputs) where a ReLU follows (He et al., 2015) and on
    ±√(1 / inputs) in the output layer; biases are zero. Layer k draws from
    ``generator(seed, "init", k)`` alone, so that the start is a function of (sizes, seed).

    Attributes:
        parameters: weight (outputs, inputs) and bias (outputs,) of each layer in turn, float32.
        names: ``fc1.weight``, ``fc1.bias``, …, ``out.weight``, ``out.bias``.
    """

    def __init__(self, sizes: Sequence[int], seed: int) -> None:
        self.parameters: list[torch.nn.Parameter] = []
        self.names: list[str] = []
        last = len(sizes) - 2
        for k, (inputs, outputs) in enumerate(pairwise(sizes)):
            bound = ((1.0 if k == last else 6.0) / inputs) ** 0.5
            draw = generator(seed, "init", k).uniform(-bound, bound, (outputs, inputs))
            weight = torch.from_numpy(draw.astype("float32"))
            self.parameters += [torch.nn.Parameter(weight)]
            self.parameters += [torch.nn.Parameter(torch.zeros(outputs))]
            name = "out" if k == last else f"fc{k + 1}"
            self.names += [f"{name}.weight", f"{name}.bias"]
        self._layers = list(zip(self.parameters[::2], self.parameters[1::2], strict=True))

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        """Logits (batch, outputs) for images (batch, inputs), float32."""
        *hidden, (weight, bias) = self._layers
        x = images
        for w, b in hidden:
            x = F.relu(F.linear(x, w, b))
        return F.linear(x, weight, bias)
