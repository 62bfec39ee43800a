"""NAdam: Adam with Nesterov's momentum."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch

from lrd_core.optim.rules import ranges
from lrd_core.optim.rules.blocks import Number, ema, ema_of_square, fma, power, sqrt
from lrd_core.optim.rules.rule import Rule, TorchForm
from lrd_core.optim.rules.torch_options import adam_options, plain_settings
from lrd_core.settings import Setting, Value


def update(
    p: Number,
    g: Number,
    step: Number,
    m: Number,
    v: Number,
    mu_product: Number,
    lr: Number,
    beta1: Number,
    beta2: Number,
    eps: Number,
    momentum_decay: Number,
    weight_decay: Number,
) -> tuple[Number, ...]:
    """mu, mu_next: scheduled momentum of this step and the next; mu_product: of all so far."""
    g = fma(weight_decay, p, g)
    mu = beta1 * (1 - 0.5 * power(0.96, step * momentum_decay))
    mu_next = beta1 * (1 - 0.5 * power(0.96, (step + 1) * momentum_decay))
    mu_product = mu_product * mu
    m = ema(m, g, beta1)
    v = ema_of_square(v, g, beta2)
    m_hat = mu_next * m / (1 - mu_product * mu_next) + (1 - mu) * g / (1 - mu_product)
    v_hat = v / (1 - power(beta2, step))
    return -lr * m_hat / (sqrt(v_hat) + eps), m, v, mu_product


def build(
    parameters: Iterable[torch.Tensor], settings: Mapping[str, Value]
) -> torch.optim.Optimizer:
    """torch.optim.NAdam."""
    return torch.optim.NAdam(parameters, **adam_options(settings))


RULE = Rule(
    name="nadam",
    label="NAdam",
    paper="Dozat 2016, Incorporating Nesterov momentum into Adam",
    settings=(
        ranges.lr(0.002),
        *ranges.betas(),
        ranges.eps(1e-8),
        Setting(
            "momentum_decay",
            0.004,
            0.0,
            1.0,
            label="momentum decay",
            help="How fast the momentum grows from beta1 / 2 to beta1.",
            log=True,
        ),
        ranges.weight_decay(),
    ),
    state=("m", "v"),
    scalars={"mu_product": 1.0},
    update=update,
    build=build,
    options=adam_options,
    form=TorchForm(
        kind=torch.optim.NAdam,
        settings=plain_settings(
            "lr", "eps", "momentum_decay", "weight_decay", decoupled_weight_decay=False
        ),
        state={"m": "exp_avg", "v": "exp_avg_sq"},
        scalars={"mu_product": "mu_product"},
    ),
)
