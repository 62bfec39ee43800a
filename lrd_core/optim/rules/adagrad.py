"""Adagrad: the gradient over the root of the sum of all squares so far."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch

from lrd_core.optim.rules import ranges
from lrd_core.optim.rules.blocks import Number, fma, sqrt
from lrd_core.optim.rules.rule import Rule
from lrd_core.optim.rules.torch_options import fused
from lrd_core.settings import Setting, Value


def update(
    p: Number,
    g: Number,
    step: Number,
    s: Number,
    lr: Number,
    lr_decay: Number,
    eps: Number,
    weight_decay: Number,
) -> tuple[Number, ...]:
    """s: sum of squared gradients."""
    g = fma(weight_decay, p, g)
    s = fma(g, g, s)
    return -lr / (1 + (step - 1) * lr_decay) * g / (sqrt(s) + eps), s


def options(settings: Mapping[str, Value]) -> dict[str, Any]:
    """torch's own names are ours."""
    return dict(settings)


def build(
    parameters: Iterable[torch.Tensor], settings: Mapping[str, Value]
) -> torch.optim.Optimizer:
    """torch.optim.Adagrad."""
    params = list(parameters)
    return torch.optim.Adagrad(params, fused=fused(params), **options(settings))


RULE = Rule(
    name="adagrad",
    label="Adagrad",
    paper="Duchi, Hazan and Singer 2011, Adaptive subgradient methods for online learning and "
    "stochastic optimization",
    settings=(
        ranges.lr(0.01),
        Setting(
            "lr_decay",
            0.0,
            0.0,
            1.0,
            label="learning rate decay",
            help="The learning rate is divided by 1 + (step − 1) times this.",
            log=True,
        ),
        ranges.eps(1e-10),
        ranges.weight_decay(),
    ),
    state=("s",),
    update=update,
    build=build,
    options=options,
)
