"""RMSprop: the gradient over the root of its mean square."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch

from lrd_core.optim.rules import ranges
from lrd_core.optim.rules.blocks import Number, ema, ema_of_square, fma, sqrt, where
from lrd_core.optim.rules.rule import Rule, TorchForm
from lrd_core.optim.rules.torch_options import plain_settings
from lrd_core.settings import Setting, Value


def update(
    p: Number,
    g: Number,
    step: Number,
    v: Number,
    g_mean: Number,
    b: Number,
    lr: Number,
    alpha: Number,
    momentum: Number,
    centered: Number,
    eps: Number,
    weight_decay: Number,
) -> tuple[Number, ...]:
    """v: mean square of gradients; g_mean: their mean; b: momentum buffer."""
    g = fma(weight_decay, p, g)
    v = ema_of_square(v, g, alpha)
    g_mean = ema(g_mean, g, alpha)
    b = fma(momentum, b, g / (sqrt(where(centered, v - g_mean * g_mean, v)) + eps))
    return -lr * b, v, g_mean, b


def options(settings: Mapping[str, Value]) -> dict[str, Any]:
    """torch's own names are ours."""
    return dict(settings)


def build(
    parameters: Iterable[torch.Tensor], settings: Mapping[str, Value]
) -> torch.optim.Optimizer:
    """torch.optim.RMSprop."""
    return torch.optim.RMSprop(parameters, **options(settings))


RULE = Rule(
    name="rmsprop",
    label="RMSprop",
    paper="Tieleman and Hinton 2012, Lecture 6.5; centered: Graves 2013, Generating sequences "
    "with recurrent neural networks",
    settings=(
        ranges.lr(0.001),
        ranges.beta("alpha", 0.99, "squared gradients"),
        # torch makes the buffers of these two with the first step and can't add them later.
        Setting(
            "momentum",
            0.0,
            0.0,
            1.0,
            high_open=True,
            help="Decay of the sum of past updates.",
            live=False,
        ),
        Setting(
            "centered",
            False,
            help="Divide by the standard deviation of the gradients, not their root mean square.",
            live=False,
        ),
        ranges.eps(1e-8),
        ranges.weight_decay(),
    ),
    state=("v", "g_mean", "b"),
    update=update,
    build=build,
    options=options,
    form=TorchForm(
        kind=torch.optim.RMSprop,
        settings=plain_settings("lr", "alpha", "momentum", "centered", "eps", "weight_decay"),
        state={"v": "square_avg", "g_mean": "grad_avg", "b": "momentum_buffer"},
    ),
)
