"""Ackley's function (D. H. Ackley, 1987): a rippled plain around one deep funnel."""

from __future__ import annotations

from math import e
from typing import Any, Literal

from lrd_core.problems.problem import Point, View
from lrd_core.problems.surfaces.surface import Surface, lr_table


def value(x: Any, y: Any, math: Any) -> Any:
    """20 (1 − exp(−0.2 r)) + e − exp(½ (cos 2πx + cos 2πy)) with r = √(½ (x² + y²)); smallest,
    0, at the origin."""
    # 1e-24 rounds the tip of the cone: its gradient is 0 there, where √ alone would give 0/0.
    r = math.sqrt(0.5 * (x**2 + y**2) + 1e-24)
    ripples = math.exp(0.5 * (math.cos(2 * math.pi * x) + math.cos(2 * math.pi * y)))
    return 20 * (1 - math.exp(-0.2 * r)) + e - ripples


def _mirrored(kind: Literal["local minimum", "saddle"], x: float, y: float) -> set[Point]:
    """The point and its images under the symmetries of the square."""
    signs = ((1, 1), (1, -1), (-1, 1), (-1, -1))
    return {Point(i * a + 0.0, j * b + 0.0, kind) for a, b in ((x, y), (y, x)) for i, j in signs}


#: Roots of the gradient with 0 ≤ y ≤ x, by Newton's method in float64.
LOCAL_MINIMA = (
    (0.9521665459501717, 0.0),
    (0.9684776587077245, 0.9684776587077245),
    (1.9589197181217173, 0.0),
    (1.9646166628629864, 0.9824160350791393),
    (1.9744519864841166, 1.9744519864841166),
)
SADDLES = (
    (0.6257806168564638, 0.0),
    (0.8747620388753442, 0.5774125352782147),
    (1.5950289240728648, 0.9458984927015273),
    (1.6102960205537256, 0.0),
    (1.8559767089749082, 0.5364972381119947),
    (1.916166848997128, 1.5674502528624068),
)


def _points() -> tuple[Point, ...]:
    found = {Point(0.0, 0.0, "minimum")}
    for x, y in LOCAL_MINIMA:
        found |= _mirrored("local minimum", x, y)
    for x, y in SADDLES:
        found |= _mirrored("saddle", x, y)
    return tuple(
        sorted(found, key=lambda point: (point.kind != "minimum", point.kind, point.x, point.y))
    )


PROBLEM = Surface(
    name="ackley",
    label="Ackley",
    formula="20 (1 − exp(−0.2 √(½ (x² + y²)))) + e − exp(½ (cos 2πx + cos 2πy))",
    about="Ripples hide one deep funnel: large steps cross them, small steps get stuck.",
    value=value,
    view=View((-2.45, 2.45), (-2.07, 2.07), log=False, points=_points()),
    start=(1.8, 1.5),
    suggested_lr=lr_table(sgd=0.012, adam=0.3, radam=0.1, rmsprop=0.05, adagrad=0.8, adadelta=5.0),
    order=50,
)
