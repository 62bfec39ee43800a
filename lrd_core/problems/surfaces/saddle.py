"""The saddle x² − y², bounded by y⁴/4 so that it has two minima."""

from __future__ import annotations

from typing import Any

from lrd_core.problems.problem import View
from lrd_core.problems.surfaces.surface import Surface, lr_table, minimum_at, saddle_at


def value(x: Any, y: Any, math: Any) -> Any:
    """x² − y² + y⁴/4 + 1, written as x² + (y²/2 − 1)² so that rounding can't make it negative."""
    return x**2 + (y**2 / 2 - 1) ** 2


#: (y²/2 − 1)² is zero at y = ±√2.
REACH = 2**0.5

POINTS = (minimum_at(0.0, REACH), minimum_at(0.0, -REACH), saddle_at(0.0, 0.0))

PROBLEM = Surface(
    name="saddle",
    label="Saddle",
    formula="x² − y² + y⁴/4 + 1",
    about="Starts a hair off the ridge: how long does a run take to leave the saddle?",
    value=value,
    view=View((-2.6, 2.6), (-2.2, 2.2), points=POINTS),
    start=(-2.0, 0.01),
    suggested_lr=lr_table(
        sgd=0.002, adam=0.03, radam=0.02, rmsprop=0.01, adagrad=0.2, adadelta=5.0
    ),
    order=100,
)
