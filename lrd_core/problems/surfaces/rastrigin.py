"""Rastrigin's function (L. A. Rastrigin, 1974): a bowl full of dents."""

from __future__ import annotations

from typing import Any

from lrd_core.problems.problem import View
from lrd_core.problems.surfaces.surface import Surface, lr_table, separable_points


def value(x: Any, y: Any, math: Any) -> Any:
    """20 + x² − 10 cos 2πx + y² − 10 cos 2πy, never negative."""
    turn = 2 * math.pi
    return 20 + x**2 - 10 * math.cos(turn * x) + y**2 - 10 * math.cos(turn * y)


#: Roots of 2x + 20π sin 2πx, by bisection in float64.
MINIMA = (0.0, 0.9949586376523348, -0.9949586376523348, 1.9899122337085495, -1.9899122337085495)
MAXIMA = (0.5025460365546747, -0.5025460365546747, 1.5076407318703584, -1.5076407318703584)

PROBLEM = Surface(
    name="rastrigin",
    label="Rastrigin",
    formula="20 + x² − 10 cos 2πx + y² − 10 cos 2πy",
    about="A dent at every whole number: most runs stay in the first that they fall into.",
    value=value,
    view=View((-2.45, 2.45), (-2.07, 2.07), log=False, points=separable_points(MINIMA, MAXIMA)),
    start=(0.7, -1.4),
    suggested_lr=lr_table(
        sgd=0.001, adam=0.15, radam=0.01, rmsprop=0.02, adagrad=0.5, adadelta=5.0
    ),
    order=40,
)
