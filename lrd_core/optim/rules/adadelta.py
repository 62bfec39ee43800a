"""Adadelta: steps in the parameter's own units, from past steps and gradients."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch

from lrd_core.optim.rules import ranges
from lrd_core.optim.rules.blocks import Number, ema_of_square, fma, sqrt
from lrd_core.optim.rules.rule import Rule, TorchForm
from lrd_core.optim.rules.torch_options import plain_settings
from lrd_core.settings import Value


def update(
    p: Number,
    g: Number,
    step: Number,
    v: Number,
    u: Number,
    lr: Number,
    rho: Number,
    eps: Number,
    weight_decay: Number,
) -> tuple[Number, ...]:
    """Algorithm 1; v, u: mean squares of gradients and of updates, dropped ones too."""
    g = fma(weight_decay, p, g)
    v = ema_of_square(v, g, rho)
    delta = sqrt(u + eps) / sqrt(v + eps) * g
    return -lr * delta, v, ema_of_square(u, delta, rho)


def options(settings: Mapping[str, Value]) -> dict[str, Any]:
    """torch's own names are ours."""
    return dict(settings)


def build(
    parameters: Iterable[torch.Tensor], settings: Mapping[str, Value]
) -> torch.optim.Optimizer:
    """torch.optim.Adadelta."""
    return torch.optim.Adadelta(parameters, **options(settings))


RULE = Rule(
    name="adadelta",
    label="Adadelta",
    paper="Zeiler 2012, ADADELTA: an adaptive learning rate method, arXiv:1212.5701",
    settings=(
        ranges.lr(1.0),
        ranges.beta("rho", 0.9, "squared gradients and updates"),
        ranges.eps(1e-6),
        ranges.weight_decay(),
    ),
    state=("v", "u"),
    update=update,
    build=build,
    options=options,
    form=TorchForm(
        kind=torch.optim.Adadelta,
        settings=plain_settings("lr", "rho", "eps", "weight_decay"),
        state={"v": "square_avg", "u": "acc_delta"},
    ),
)
