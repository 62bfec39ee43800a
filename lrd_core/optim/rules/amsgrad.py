"""AMSGrad: Adam that divides by the largest mean square so far."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch

from lrd_core.optim.rules import ranges
from lrd_core.optim.rules.blocks import Number, ema, ema_of_square, fma, maximum, power, sqrt
from lrd_core.optim.rules.rule import Rule
from lrd_core.optim.rules.torch_options import adam_form, adam_options, fused
from lrd_core.settings import Value


def update(
    p: Number,
    g: Number,
    step: Number,
    m: Number,
    v: Number,
    v_max: Number,
    lr: Number,
    beta1: Number,
    beta2: Number,
    eps: Number,
    weight_decay: Number,
) -> tuple[Number, ...]:
    """Algorithm 2 with Adam's correction for bias, which torch applies after the maximum."""
    g = fma(weight_decay, p, g)
    m = ema(m, g, beta1)
    v = ema_of_square(v, g, beta2)
    v_max = maximum(v_max, v)
    root = sqrt(v_max) / sqrt(1 - power(beta2, step))
    return -lr / (1 - power(beta1, step)) * m / (root + eps), m, v, v_max


def build(
    parameters: Iterable[torch.Tensor], settings: Mapping[str, Value]
) -> torch.optim.Optimizer:
    """torch.optim.Adam with amsgrad."""
    params = list(parameters)
    return torch.optim.Adam(params, amsgrad=True, fused=fused(params), **adam_options(settings))


RULE = Rule(
    name="amsgrad",
    label="AMSGrad",
    paper="Reddi, Kale and Kumar 2018, On the convergence of Adam and beyond, arXiv:1904.09237",
    settings=(ranges.lr(0.001), *ranges.betas(), ranges.eps(1e-8), ranges.weight_decay()),
    state=("m", "v", "v_max"),
    update=update,
    build=build,
    options=adam_options,
    form=adam_form(torch.optim.Adam, decoupled=False, amsgrad=True),
)
