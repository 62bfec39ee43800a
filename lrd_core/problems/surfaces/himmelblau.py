"""Himmelblau's function (D. M. Himmelblau, 1972): four equal minima."""

from __future__ import annotations

from typing import Any

from lrd_core.problems.problem import View
from lrd_core.problems.surfaces.surface import Surface, lr_table, minimum_at, saddle_at


def value(x: Any, y: Any, math: Any) -> Any:
    """(x² + y − 11)² + (x + y² − 7)², never negative."""
    return (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2


#: Roots of the gradient, a pair of cubics, by Newton's method in float64.
POINTS = (
    minimum_at(3.0, 2.0),
    minimum_at(-2.805118086952745, 3.131312518250573),
    minimum_at(-3.779310253377747, -3.283185991286169),
    minimum_at(3.5844283403304917, -1.8481265269644036),
    saddle_at(-3.0730257507643897, -0.0813530442879675),
    saddle_at(-0.12796134673068005, -1.9537149802445766),
    saddle_at(0.08667750455539633, 2.884254701174776),
    saddle_at(3.385154183607021, 0.07385187983774928),
)

PROBLEM = Surface(
    name="himmelblau",
    label="Himmelblau",
    formula="(x² + y − 11)² + (x + y² − 7)²",
    about="Four equal minima around a hill: a small change decides which one a run ends in.",
    value=value,
    view=View((-6.0, 6.0), (-5.1, 5.0), points=POINTS),
    start=(-0.6, -0.6),
    suggested_lr=lr_table(
        sgd=0.001, adam=0.03, radam=0.01, rmsprop=0.02, adagrad=0.3, adadelta=5.0
    ),
    order=30,
)
