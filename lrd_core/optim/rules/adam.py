"""Adam."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch

from lrd_core.optim.rules import ranges
from lrd_core.optim.rules.blocks import Number, ema, ema_of_square, fma, power, sqrt
from lrd_core.optim.rules.rule import Rule
from lrd_core.optim.rules.torch_options import adam_form, adam_options, fused
from lrd_core.settings import Value


def update(
    p: Number,
    g: Number,
    step: Number,
    m: Number,
    v: Number,
    lr: Number,
    beta1: Number,
    beta2: Number,
    eps: Number,
    weight_decay: Number,
) -> tuple[Number, ...]:
    """Algorithm 1; m and v: means of gradients and of their squares, not yet corrected for bias."""
    g = fma(weight_decay, p, g)
    m = ema(m, g, beta1)
    v = ema_of_square(v, g, beta2)
    root = sqrt(v) / sqrt(1 - power(beta2, step))
    return -lr / (1 - power(beta1, step)) * m / (root + eps), m, v


def build(
    parameters: Iterable[torch.Tensor], settings: Mapping[str, Value]
) -> torch.optim.Optimizer:
    """torch.optim.Adam."""
    params = list(parameters)
    return torch.optim.Adam(params, fused=fused(params), **adam_options(settings))


RULE = Rule(
    name="adam",
    label="Adam",
    paper="Kingma and Ba 2015, Adam: a method for stochastic optimization, arXiv:1412.6980",
    settings=(ranges.lr(0.001), *ranges.betas(), ranges.eps(1e-8), ranges.weight_decay()),
    state=("m", "v"),
    update=update,
    build=build,
    options=adam_options,
    form=adam_form(torch.optim.Adam, decoupled=False, amsgrad=False),
)
