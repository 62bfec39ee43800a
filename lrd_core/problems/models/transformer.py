"""Decoder-only transformer (Vaswani et al., 2017) with the norms first, as GPT-2 has them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F

from lrd_core.problems.models.model import aligned
from lrd_core.seeds import generator
from lrd_core.settings import SettingError

#: Scale of the normal start (Radford et al., 2019).
SCALE = 0.02
#: Widths come in these, so that the vectorised loops meet every copy's values alike.
UNIT = 8
#: Name, shape and standard deviation of a tensor's start; None where it isn't drawn.
Drawn = tuple[str, tuple[int, ...], float | None]


class Transformer:
    """Predicts the next of `vocabulary` codes at every place of a text.

    Weights are normal with standard deviation 0.02, those that write into the residual stream
    0.02 / √(2 · layers); biases and shifts zero, norm scales one. Tensor k draws from
    ``generator(seed, "init", k)`` alone.

    Args:
        vocabulary: codes are from 0 to vocabulary − 1.
        context: longest text.
        layers, width, heads: of attention; `width` is a multiple of 8 · `heads`.

    Attributes:
        parameters: embedding (vocabulary, width), position (context, width), then 12 tensors a
            layer, the last norm, and the output layer; float32.
        names: ``embedding``, ``position``, ``layer1.norm1.scale``, …, ``out.bias``.

    Raises:
        SettingError: another `width`; its field is ``settings.width``.
    """

    def __init__(
        self,
        vocabulary: int,
        context: int,
        layers: int,
        width: int,
        heads: int,
        seed: int,
        device: torch.device | None = None,
    ) -> None:
        if width % (UNIT * heads):
            allowed = f"a multiple of {UNIT * heads}: {UNIT} for each of {heads} heads"
            raise SettingError("settings.width", width, allowed)
        self._vocabulary, self._layers, self._width, self._heads = vocabulary, layers, width, heads
        self.parameters: list[torch.nn.Parameter] = []
        self.names: list[str] = []
        self.buffers: dict[str, torch.Tensor] = {}
        for k, (name, shape, scale) in enumerate(_tensors(vocabulary, context, layers, width)):
            if scale is None:
                value = torch.ones(shape) if name.endswith("scale") else torch.zeros(shape)
            else:
                draw = generator(seed, "init", k).standard_normal(shape) * scale
                value = torch.from_numpy(draw.astype("float32"))
            self.names.append(name)
            self.parameters.append(torch.nn.Parameter(value.to(device)))

    def __call__(self, inputs: torch.Tensor, train: bool = True) -> torch.Tensor:
        """Logits (batch, length, vocabulary) for codes (batch, length), int64, `length` at most
        the context; `train` changes nothing."""
        return self.stacked([p.unsqueeze(0) for p in self.parameters], inputs).squeeze(0)

    def aligned(self, batch: int) -> bool:
        """See `StackedModel`."""
        return aligned((p for p in self.parameters if p.dim() > 1), batch)

    def stacked(self, parameters: Sequence[torch.Tensor], inputs: torch.Tensor) -> torch.Tensor:
        """See `StackedModel`."""
        copies, batch, length = parameters[0].shape[0], inputs.shape[-2], inputs.shape[-1]
        codes = inputs.expand(copies, batch, length)
        take = iter(parameters)
        # Copy r looks up its codes in rows r · vocabulary to (r + 1) · vocabulary of one table.
        first = torch.arange(copies, device=codes.device).view(copies, 1, 1) * self._vocabulary
        x = F.embedding(codes + first, next(take).flatten(0, 1))
        x = x + next(take)[:, None, :length]
        x = x.flatten(1, 2)
        future = torch.ones(length, length, dtype=torch.bool, device=codes.device).triu(1)
        for _ in range(self._layers):
            x = x + self._attention(_norm(x, take), take, batch, future)
            hidden = F.gelu(_linear(_norm(x, take), take))
            x = x + _linear(hidden, take)
        logits = _linear(_norm(x, take), take)
        return logits.view(copies, batch, length, self._vocabulary)

    def _attention(
        self,
        x: torch.Tensor,
        take: Iterator[torch.Tensor],
        batch: int,
        future: torch.Tensor,
    ) -> torch.Tensor:
        """Causal attention over `x` (copies, batch · length, width).

        Written out, since torch's fused attention has no second derivative.
        """
        copies, length, each = x.shape[0], future.shape[0], self._width // self._heads
        qkv = _linear(x, take).view(copies * batch, length, 3, self._heads, each)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).flatten(1, 2)
        scores = torch.bmm(q, k.transpose(1, 2)) / math.sqrt(each)
        shares = scores.masked_fill(future, -math.inf).softmax(-1)
        found = torch.bmm(shares, v).view(copies, batch, self._heads, length, each)
        return _linear(found.transpose(2, 3).reshape(copies, batch * length, self._width), take)


def _tensors(vocabulary: int, context: int, layers: int, width: int) -> Iterator[Drawn]:
    """Every tensor in order."""
    into = SCALE / math.sqrt(2 * layers)

    def linear(name: str, outputs: int, inputs: int, scale: float) -> Iterator[Drawn]:
        yield f"{name}.weight", (outputs, inputs), scale
        yield f"{name}.bias", (outputs,), None

    def norm(name: str) -> Iterator[Drawn]:
        yield f"{name}.scale", (width,), None
        yield f"{name}.shift", (width,), None

    yield "embedding", (vocabulary, width), SCALE
    yield "position", (context, width), SCALE
    for layer in range(1, layers + 1):
        yield from norm(f"layer{layer}.norm1")
        yield from linear(f"layer{layer}.qkv", 3 * width, width, SCALE)
        yield from linear(f"layer{layer}.attended", width, width, into)
        yield from norm(f"layer{layer}.norm2")
        yield from linear(f"layer{layer}.hidden", 4 * width, width, SCALE)
        yield from linear(f"layer{layer}.out", width, 4 * width, into)
    yield from norm("norm")
    yield from linear("out", vocabulary, width, SCALE)


def _linear(x: torch.Tensor, take: Iterator[torch.Tensor]) -> torch.Tensor:
    """(copies, rows, inputs) to (copies, rows, outputs) by the next weight and bias."""
    weight, bias = next(take), next(take)
    return torch.baddbmm(bias.unsqueeze(1), x, weight.transpose(1, 2))


def _norm(x: torch.Tensor, take: Iterator[torch.Tensor]) -> torch.Tensor:
    """Layer norm of (copies, rows, width) by the next scale and shift."""
    scale, shift = next(take), next(take)
    return F.layer_norm(x, x.shape[-1:]) * scale.unsqueeze(1) + shift.unsqueeze(1)
