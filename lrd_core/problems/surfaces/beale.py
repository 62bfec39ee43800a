"""Beale's function (E. M. L. Beale, 1958): a flat curved valley behind a saddle."""

from __future__ import annotations

from typing import Any

from lrd_core.problems.problem import View
from lrd_core.problems.surfaces.surface import Surface, lr_table, minimum_at, saddle_at


def value(x: Any, y: Any, math: Any) -> Any:
    """(1.5 − x + xy)² + (2.25 − x + xy²)² + (2.625 − x + xy³)², never negative."""
    return (1.5 - x + x * y) ** 2 + (2.25 - x + x * y**2) ** 2 + (2.625 - x + x * y**3) ** 2


PROBLEM = Surface(
    name="beale",
    label="Beale",
    formula="(1.5 − x + xy)² + (2.25 − x + xy²)² + (2.625 − x + xy³)²",
    about="A saddle to get past, then a long flat valley that leads to the minimum.",
    value=value,
    view=View((-1.2, 4.6), (-2.4, 2.5), points=(minimum_at(3.0, 0.5), saddle_at(0.0, 1.0))),
    start=(1.0, 1.6),
    suggested_lr=lr_table(
        sgd=0.0015, adam=0.05, radam=0.01, rmsprop=0.02, adagrad=0.5, adadelta=5.0
    ),
    order=10,
)
