"""Lion: the sign of an interpolated momentum."""

from __future__ import annotations

from lrd_core.optim.rules import ranges
from lrd_core.optim.rules.blocks import Number, ema, sign
from lrd_core.optim.rules.rule import Rule


def update(
    p: Number,
    g: Number,
    step: Number,
    m: Number,
    lr: Number,
    beta1: Number,
    beta2: Number,
    weight_decay: Number,
) -> tuple[Number, ...]:
    """Algorithm 2; m: mean of gradients. The decay is decoupled."""
    c = ema(m, g, beta1)
    return -lr * (sign(c) + weight_decay * p), ema(m, g, beta2)


RULE = Rule(
    name="lion",
    label="Lion",
    paper="Chen et al. 2023, Symbolic discovery of optimization algorithms, arXiv:2302.06675",
    settings=(
        ranges.lr(0.0001),
        ranges.beta("beta1", 0.9, "gradients that gives the direction"),
        ranges.beta("beta2", 0.99, "gradients that is remembered"),
        ranges.decoupled_decay(0.0),
    ),
    state=("m",),
    update=update,
)
