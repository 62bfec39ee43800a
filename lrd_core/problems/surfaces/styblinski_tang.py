"""Styblinski–Tang function (M. A. Styblinski, T.-S. Tang, 1990): four wells of three depths."""

from __future__ import annotations

from typing import Any

from lrd_core.problems.problem import View
from lrd_core.problems.surfaces.surface import Surface, lr_table, separable_points

#: Minus the classical minimum, so that the lowest value is 0 and a logarithmic loss is defined.
LIFT = 78.33233140754284


def value(x: Any, y: Any, math: Any) -> Any:
    """½ (x⁴ − 16x² + 5x + y⁴ − 16y² + 5y) + 78.332, smallest value 0;
    classically without the last term."""
    return 0.5 * (x**4 - 16 * x**2 + 5 * x + y**4 - 16 * y**2 + 5 * y) + LIFT


#: Roots of 4x³ − 32x + 5.
MINIMA = (-2.903534027771177, 2.746802770990837)
MAXIMA = (0.1567312567803402,)

PROBLEM = Surface(
    name="styblinski_tang",
    label="Styblinski–Tang",
    formula="½ (x⁴ − 16x² + 5x + y⁴ − 16y² + 5y) + 78.332",
    about="One deep well, two middling, one shallow: where a run starts decides how low it gets.",
    value=value,
    view=View((-5.0, 5.0), (-4.2, 4.2), points=separable_points(MINIMA, MAXIMA)),
    start=(-0.3, 3.9),
    suggested_lr=lr_table(
        sgd=0.005, adam=0.05, radam=0.02, rmsprop=0.02, adagrad=0.5, adadelta=5.0
    ),
    order=60,
)
