"""RAdam: Adam without the denominator until its variance can be told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch

from lrd_core.optim.rules import ranges
from lrd_core.optim.rules.blocks import Number, ema, ema_of_square, fma, maximum, power, sqrt, where
from lrd_core.optim.rules.rule import Rule, TorchForm
from lrd_core.optim.rules.torch_options import adam_options, plain_settings
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
    """Algorithm 2; the denominator counts from rho > 5 on, as in the authors' code."""
    g = fma(weight_decay, p, g)
    m = ema(m, g, beta1)
    v = ema_of_square(v, g, beta2)
    m_hat = m / (1 - power(beta1, step))
    correction2 = 1 - power(beta2, step)
    rho_inf = 2 / (1 - beta2) - 1
    rho = rho_inf - 2 * step * power(beta2, step) / correction2
    # The bounds bite only where rho <= 5, where r is not used.
    r = sqrt(
        maximum((rho - 4) * (rho - 2) * rho_inf, 0.0)
        / maximum((rho_inf - 4) * (rho_inf - 2) * rho, 1.0)
    )
    adaptive = r * sqrt(correction2) / (sqrt(v) + eps)
    return -lr * m_hat * where(rho > 5, adaptive, 1.0), m, v


def build(
    parameters: Iterable[torch.Tensor], settings: Mapping[str, Value]
) -> torch.optim.Optimizer:
    """torch.optim.RAdam."""
    return torch.optim.RAdam(parameters, **adam_options(settings))


RULE = Rule(
    name="radam",
    label="RAdam",
    paper="Liu et al. 2020, On the variance of the adaptive learning rate and beyond, "
    "arXiv:1908.03265",
    settings=(ranges.lr(0.001), *ranges.betas(), ranges.eps(1e-8), ranges.weight_decay()),
    state=("m", "v"),
    update=update,
    build=build,
    options=adam_options,
    form=TorchForm(
        kind=torch.optim.RAdam,
        settings=plain_settings("lr", "eps", "weight_decay", decoupled_weight_decay=False),
        state={"m": "exp_avg", "v": "exp_avg_sq"},
    ),
)
