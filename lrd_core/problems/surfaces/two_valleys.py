"""Two valleys: a bad local minimum beside a good one."""

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
    """(x + 1)² ((x − 1)² + 0.18) + 2 (y − x²/2)², never negative."""
    return (x + 1) ** 2 * ((x - 1) ** 2 + 0.18) + 2 * (y - x**2 / 2) ** 2


#: On y = x²/2 the slope is 2 (x + 1)(2x² − 2x + 0.18): zero at −1, 0.1 and 0.9.
POINTS = (minimum_at(-1.0, 0.5), local_minimum_at(0.9, 0.405), saddle_at(0.1, 0.005))

PROBLEM = Surface(
    name="two_valleys",
    label="Two valleys",
    formula="(x + 1)² ((x − 1)² + 0.18) + 2 (y − x²/2)²",
    about="The near valley is the worse one: a careful run stays in it, a lucky one gets across.",
    value=value,
    view=View((-1.9, 1.9), (-0.9, 2.3), points=POINTS),
    start=(1.4, 0.0),
    suggested_lr=lr_table(sgd=0.01, adam=0.03, radam=0.02, rmsprop=0.01, adagrad=0.3, adadelta=5.0),
    order=120,
)
