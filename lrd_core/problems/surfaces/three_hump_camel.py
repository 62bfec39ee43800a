"""Three-hump camel function (F. H. Branin's family of camels, 1972): three wells in a row."""

from __future__ import annotations

from typing import Any

from lrd_core.problems.problem import View
from lrd_core.problems.surfaces.surface import (
    Surface,
    local_minimum_at,
    lr_table,
    minimum_at,
    saddle_at,
)


def value(x: Any, y: Any, math: Any) -> Any:
    """2x² − 1.05x⁴ + x⁶/6 + xy + y², never negative."""
    return 2 * x**2 - 1.05 * x**4 + x**6 / 6 + x * y + y**2


#: y = −x/2 and x⁴ − 4.2x² + 3.5 = 0, so x² = 2.1 ± √0.91.
OUTER, INNER = (2.1 + 0.91**0.5) ** 0.5, (2.1 - 0.91**0.5) ** 0.5

POINTS = (
    minimum_at(0.0, 0.0),
    local_minimum_at(-OUTER, OUTER / 2),
    local_minimum_at(OUTER, -OUTER / 2),
    saddle_at(-INNER, INNER / 2),
    saddle_at(INNER, -INNER / 2),
)

PROBLEM = Surface(
    name="three_hump_camel",
    label="Three-hump camel",
    formula="2x² − 1.05x⁴ + x⁶/6 + xy + y²",
    about="The good well lies between two worse ones, each behind its own saddle.",
    value=value,
    view=View((-2.4, 2.4), (-2.0, 2.0), points=POINTS),
    start=(-1.6, -1.5),
    suggested_lr=lr_table(
        sgd=0.005, adam=0.03, radam=0.02, rmsprop=0.01, adagrad=0.2, adadelta=5.0
    ),
    order=70,
)
