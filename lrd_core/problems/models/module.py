"""Any `torch.nn.Module` as a `Model`: started from a seed, its running means named as buffers."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from lrd_core.problems.models.model import TORCH
from lrd_core.seeds import generator

CPU = torch.device("cpu")


class ModuleModel:
    """A module of convolutions, linear layers and batch norms; satisfies `Model`.

    Weights are uniform on ±√(gain / fan-in), biases and shifts zero, scales one. The k-th layer
    with weights draws from ``generator(seed, "init", k)`` alone, so that the start is a function
    of (architecture, seed).

    Args:
        build: makes the module; run without memory, so that torch's generator stays as it is.
        gain: for all layers but the last, `TORCH` or `HE`; the last has 1.

    Attributes:
        parameters, names: the module's own, in its order, float32.
        buffers: running means and variances of the batch norms, by name; a pass with ``train=True``
            changes them in place.
        unstacked: why copies are not trained as one.

    Raises:
        TypeError: a layer with parameters of another kind.
    """

    unstacked = "convolutions are not stacked"

    def __init__(
        self,
        build: Callable[[], nn.Module],
        seed: int,
        device: torch.device = CPU,
        gain: float = TORCH,
    ) -> None:
        with torch.device("meta"):
            module = build()
        self._module = module.to_empty(device=device).train()
        _start(self._module, seed, gain)
        named = list(self._module.named_parameters())
        self.names = [name for name, _ in named]
        self.parameters = [parameter for _, parameter in named]
        self.buffers = dict(self._module.named_buffers())

    def __call__(self, inputs: torch.Tensor, train: bool = True) -> torch.Tensor:
        """Outputs (batch, …) for `inputs` (batch, …); `train` uses and records batch statistics."""
        if self._module.training != train:
            self._module.train(train)
        outputs: torch.Tensor = self._module(inputs)
        return outputs


def _start(module: nn.Module, seed: int, gain: float) -> None:
    own = [m for m in module.modules() if next(m.parameters(recurse=False), None) is not None]
    weighted = [m for m in own if isinstance(m, (nn.Conv2d, nn.Linear))]
    for layer in own:
        if isinstance(layer, nn.BatchNorm2d):
            layer.reset_parameters()
            # A counter that nothing reads while `momentum` is a number.
            layer.num_batches_tracked = None
        elif not isinstance(layer, (nn.Conv2d, nn.Linear)):
            raise TypeError(f"no start is known for {type(layer).__name__}")
    for k, layer in enumerate(weighted):
        fan_in = layer.weight[0].numel()
        bound = ((1.0 if layer is weighted[-1] else gain) / fan_in) ** 0.5
        draw = generator(seed, "init", k).uniform(-bound, bound, tuple(layer.weight.shape))
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(draw.astype("float32")))
            if layer.bias is not None:
                layer.bias.zero_()
