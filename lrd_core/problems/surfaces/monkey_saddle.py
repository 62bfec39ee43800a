"""The monkey saddle x³ − 3xy², bounded by a quartic so that it has three minima."""

from __future__ import annotations

from typing import Any

from lrd_core.problems.problem import View
from lrd_core.problems.surfaces.surface import Surface, lr_table, minimum_at, saddle_at


def value(x: Any, y: Any, math: Any) -> Any:
    """x³ − 3xy² + ⅜ (x² + y²)² + 2 = r³ cos 3θ + ⅜ r⁴ + 2, smallest value 0 (but for rounding)."""
    return x**3 - 3 * x * y**2 + 0.375 * (x**2 + y**2) ** 2 + 2


#: cos 3θ = −1 and r = 2: three minima, 120° apart. At the origin even the Hessian is zero.
SIDE = 3**0.5

POINTS = (
    minimum_at(-2.0, 0.0),
    minimum_at(1.0, SIDE),
    minimum_at(1.0, -SIDE),
    saddle_at(0.0, 0.0),
)

PROBLEM = Surface(
    name="monkey_saddle",
    label="Monkey saddle",
    formula="x³ − 3xy² + ⅜ (x² + y²)² + 2",
    about="Three ways down from a flat top: gradient and curvature vanish together at the saddle.",
    value=value,
    view=View((-3.1, 2.9), (-2.5, 2.5), points=POINTS),
    start=(1.2, 0.02),
    suggested_lr=lr_table(
        sgd=0.006, adam=0.02, radam=0.02, rmsprop=0.005, adagrad=0.1, adadelta=5.0
    ),
    order=110,
)
