"""Adagrad: the gradient over the root of the sum of all squares so far."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch

from lrd_core.optim.rules import ranges
from lrd_core.optim.rules.blocks import Number, fma, sqrt
from lrd_core.optim.rules.rule import Rule, TorchForm
from lrd_core.optim.rules.torch_options import fused, plain_settings
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
    return -lr / fma(step - 1, lr_decay, 1) * g / (sqrt(s) + eps), s


def options(settings: Mapping[str, Value]) -> dict[str, Any]:
    """torch's own names are ours."""
    return dict(settings)


def build(
    parameters: Iterable[torch.Tensor], settings: Mapping[str, Value]
) -> torch.optim.Optimizer:
    """torch.optim.Adagrad."""
    params = list(parameters)
    return torch.optim.Adagrad(params, fused=fused(params), **options(settings))


def fused_loop(
    p: torch.Tensor,
    g: torch.Tensor,
    states: Sequence[torch.Tensor],
    step: int,
    settings: Mapping[str, Value],
    maximize: bool,
) -> None:
    """torch's loop."""
    steps = [torch.tensor(float(step))]
    loop: Any = torch._fused_adagrad_
    loop([p], [g], [states[0]], steps, **settings, maximize=maximize)


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
    form=TorchForm(
        kind=torch.optim.Adagrad,
        settings=plain_settings("lr", "lr_decay", "eps", "weight_decay"),
        state={"s": "sum"},
        fused=fused_loop if hasattr(torch, "_fused_adagrad_") else None,
    ),
)
