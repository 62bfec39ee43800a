"""Stochastic gradient descent with momentum, as torch has it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch

from lrd_core.optim.rules import ranges
from lrd_core.optim.rules.blocks import Number, fma, weighted_sum, where
from lrd_core.optim.rules.rule import Rule, TorchForm
from lrd_core.optim.rules.torch_options import fused, plain_settings
from lrd_core.settings import Setting, SettingError, Value


def update(
    p: Number,
    g: Number,
    step: Number,
    b: Number,
    lr: Number,
    momentum: Number,
    dampening: Number,
    nesterov: Number,
    weight_decay: Number,
) -> tuple[Number, ...]:
    """b is the momentum buffer; it starts as the first gradient, undamped."""
    g = fma(weight_decay, p, g)
    heavy = where(step == 1, g, weighted_sum(momentum, b, 1 - dampening, g))
    direction = where(nesterov, fma(momentum, heavy, g), heavy)
    return -lr * where(momentum > 0, direction, g), where(momentum > 0, heavy, b)


def options(settings: Mapping[str, Value]) -> dict[str, Any]:
    """torch's own names are ours; Nesterov's form asks for momentum without dampening."""
    if settings["nesterov"] and settings["momentum"] == 0:
        raise SettingError("momentum", settings["momentum"], "a value above 0 with nesterov")
    if settings["nesterov"] and settings["dampening"] != 0:
        raise SettingError("dampening", settings["dampening"], "0 with nesterov")
    return dict(settings)


def build(
    parameters: Iterable[torch.Tensor], settings: Mapping[str, Value]
) -> torch.optim.Optimizer:
    """torch.optim.SGD."""
    params = list(parameters)
    return torch.optim.SGD(params, fused=fused(params), **options(settings))


def fused_loop(
    p: torch.Tensor,
    g: torch.Tensor,
    states: Sequence[torch.Tensor],
    step: int,
    settings: Mapping[str, Value],
    maximize: bool,
) -> None:
    """torch's loop."""
    loop: Any = torch._fused_sgd_
    loop(
        [p],
        [g],
        [states[0]] if states else [],
        **settings,
        maximize=maximize,
        is_first_step=step == 1,
    )


RULE = Rule(
    name="sgd",
    label="SGD",
    paper="Polyak 1964; Sutskever et al. 2013, On the importance of initialization and momentum "
    "in deep learning (the form with the learning rate outside the buffer)",
    settings=(
        ranges.lr(0.01),
        Setting(
            "momentum", 0.0, 0.0, 1.0, high_open=True, help="Decay of the sum of past gradients."
        ),
        Setting("dampening", 0.0, 0.0, 1.0, help="Share of a gradient kept out of the buffer."),
        Setting(
            "nesterov",
            False,
            help="Look ahead along the momentum; needs momentum above 0.",
            live=False,
        ),
        ranges.weight_decay(),
    ),
    state=("b",),
    update=update,
    build=build,
    options=options,
    form=TorchForm(
        kind=torch.optim.SGD,
        settings=plain_settings("lr", "momentum", "dampening", "nesterov", "weight_decay"),
        state={"b": "momentum_buffer"},
        counted=False,
        fused=fused_loop if hasattr(torch, "_fused_sgd_") else None,
    ),
)
