"""AdamW: Adam with weight decay that is decoupled from the gradient.

The decay is part of the update, so a dropped coordinate is not decayed either.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch

from lrd_core.optim.rules import ranges
from lrd_core.optim.rules.blocks import Number, ema, ema_of_square, power, sqrt
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
    """Algorithm 2, with the schedule η inside lr."""
    m = ema(m, g, beta1)
    v = ema_of_square(v, g, beta2)
    root = sqrt(v) / sqrt(1 - power(beta2, step))
    decayed = p * (1 - lr * weight_decay)
    return decayed - p + -lr / (1 - power(beta1, step)) * m / (root + eps), m, v


def build(
    parameters: Iterable[torch.Tensor], settings: Mapping[str, Value]
) -> torch.optim.Optimizer:
    """torch.optim.AdamW."""
    params = list(parameters)
    return torch.optim.AdamW(params, fused=fused(params), **adam_options(settings))


RULE = Rule(
    name="adamw",
    label="AdamW",
    paper="Loshchilov and Hutter 2019, Decoupled weight decay regularization, arXiv:1711.05101",
    settings=(
        ranges.lr(0.001),
        *ranges.betas(),
        ranges.eps(1e-8),
        ranges.decoupled_decay(0.01),
    ),
    state=("m", "v"),
    update=update,
    build=build,
    options=adam_options,
    form=adam_form(torch.optim.AdamW, decoupled=True, amsgrad=False),
)
