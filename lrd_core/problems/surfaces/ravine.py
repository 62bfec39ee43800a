"""Quadratic ravine: steep across, flat along, condition number 100."""

from __future__ import annotations

from typing import Any

from lrd_core.problems.problem import View
from lrd_core.problems.surfaces.surface import Surface, lr_table, minimum_at


def value(x: Any, y: Any, math: Any) -> Any:
    """½ (x² + 100 y²), never negative; eigenvalues of the Hessian 1 and 100."""
    return 0.5 * (x**2 + 100 * y**2)


PROBLEM = Surface(
    name="ravine",
    label="Ravine",
    formula="½ (x² + 100 y²)",
    about="Steep across and flat along: the step that suits one direction is wrong for the other.",
    value=value,
    view=View((-4.0, 1.5), (-2.3, 2.3), points=(minimum_at(0.0, 0.0),)),
    start=(-3.5, 1.5),
    suggested_lr=lr_table(
        sgd=0.002, adam=0.05, radam=0.01, rmsprop=0.02, adagrad=0.3, adadelta=5.0
    ),
    order=90,
)
