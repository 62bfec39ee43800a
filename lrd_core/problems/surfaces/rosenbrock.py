"""Rosenbrock's function (H. H. Rosenbrock, 1960): a narrow curved valley."""

from __future__ import annotations

from typing import Any

from lrd_core.problems.problem import View
from lrd_core.problems.surfaces.surface import Surface, lr_table, minimum_at


def value(x: Any, y: Any, math: Any) -> Any:
    """(1 − x)² + 100 (y − x²)², never negative."""
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2


PROBLEM = Surface(
    name="rosenbrock",
    label="Rosenbrock",
    formula="(1 − x)² + 100 (y − x²)²",
    about="The valley is found at once, but following its bend to the minimum takes long.",
    value=value,
    view=View((-2.2, 2.2), (-0.9, 2.8), points=(minimum_at(1.0, 1.0),)),
    start=(-1.2, 1.0),
    suggested_lr=lr_table(
        sgd=0.0003, adam=0.1, radam=0.001, rmsprop=0.02, adagrad=0.5, adadelta=5.0
    )
    # NAdam's look-ahead overshoots the bend at Adam's rate.
    | {"nadam": 0.05},
    order=20,
)
