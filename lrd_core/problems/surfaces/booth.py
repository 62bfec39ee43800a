"""Booth's function: a tilted quadratic bowl with condition number 9."""

from __future__ import annotations

from typing import Any

from lrd_core.problems.problem import View
from lrd_core.problems.surfaces.surface import Surface, lr_table, minimum_at


def value(x: Any, y: Any, math: Any) -> Any:
    """(x + 2y − 7)² + (2x + y − 5)², never negative."""
    return (x + 2 * y - 7) ** 2 + (2 * x + y - 5) ** 2


PROBLEM = Surface(
    name="booth",
    label="Booth",
    formula="(x + 2y − 7)² + (2x + y − 5)²",
    about="An easy bowl whose axes are turned by 45°: every run gets there, by its own path.",
    value=value,
    view=View((-4.5, 6.5), (-2.5, 6.8), points=(minimum_at(1.0, 3.0),)),
    start=(-3.5, -1.5),
    suggested_lr=lr_table(
        sgd=0.002, adam=0.05, radam=0.03, rmsprop=0.02, adagrad=0.5, adadelta=5.0
    ),
    order=80,
)
