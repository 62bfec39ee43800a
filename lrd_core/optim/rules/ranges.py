"""Settings that several rules share, each with the range that suits it."""

from __future__ import annotations

from lrd_core.settings import Setting


def lr(default: float) -> Setting:
    """Learning rate."""
    return Setting(
        "lr", default, 0.0, 1000.0, label="learning rate", help="Size of a step.", log=True
    )


def weight_decay(default: float = 0.0) -> Setting:
    """L2 penalty, part of the gradient."""
    return Setting(
        "weight_decay",
        default,
        0.0,
        10.0,
        label="weight decay",
        help="L2 penalty: this times the parameter is added to the gradient.",
        log=True,
    )


def decoupled_decay(default: float) -> Setting:
    """Weight decay apart from the gradient."""
    return Setting(
        "weight_decay",
        default,
        0.0,
        10.0,
        label="weight decay",
        help="Share of the parameter, times lr, taken off at each step.",
        log=True,
    )


def beta(name: str, default: float, words: str) -> Setting:
    """Decay of a moving average, in [0, 1)."""
    return Setting(
        name, default, 0.0, 1.0, high_open=True, help=f"Decay of the moving average of {words}."
    )


def betas() -> tuple[Setting, Setting]:
    """Adam's two."""
    return (
        beta("beta1", 0.9, "gradients"),
        beta("beta2", 0.999, "squared gradients"),
    )


def eps(default: float) -> Setting:
    """Small number in the denominator."""
    return Setting(
        "eps",
        default,
        0.0,
        1.0,
        low_open=True,
        help="Added to the denominator: keeps it from zero.",
        log=True,
    )
