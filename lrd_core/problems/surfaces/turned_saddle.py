"""The saddle turned by 45°: both coordinates point along the ridge and off it."""

from __future__ import annotations

from typing import Any

from lrd_core.problems.problem import View
from lrd_core.problems.surfaces.surface import Surface, lr_table, minimum_at, saddle_at


def value(x: Any, y: Any, math: Any) -> Any:
    """u² − v² + v⁴/4 + 1 with u = (x + y)/√2 and v = (x − y)/√2, written as
    (x + y)²/2 + ((x − y)²/4 − 1)² so that rounding can't make it negative."""
    return (x + y) ** 2 / 2 + ((x - y) ** 2 / 4 - 1) ** 2


#: u = 0 and v = ±√2.
POINTS = (minimum_at(1.0, -1.0), minimum_at(-1.0, 1.0), saddle_at(0.0, 0.0))

PROBLEM = Surface(
    name="turned_saddle",
    label="Saddle, turned",
    formula="½ (x + y)² + (¼ (x − y)² − 1)²",
    about="Turned by 45°: on its ridge, dropping one coordinate is a step off the ridge.",
    value=value,
    view=View((-2.6, 2.6), (-2.2, 2.2), points=POINTS),
    start=(-1.5, -1.4),
    suggested_lr=lr_table(
        sgd=0.002, adam=0.03, radam=0.02, rmsprop=0.01, adagrad=0.2, adadelta=5.0
    ),
    order=105,
)
