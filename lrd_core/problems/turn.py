"""A turn of the plane about a point, exact where it can be."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from lrd_core.problems.problem import Point, View

#: Points stay inside this share of a turned view's half sides.
_MARGIN = 0.94


@dataclass(frozen=True)
class Turn:
    """A turn by `degrees`, counter-clockwise, about `pivot`.

    Multiples of 45° are exact where floats can be: 90° swaps coordinates without rounding, and at
    45° cosine and sine are the same number, so that a ridge along an axis becomes a diagonal on
    which both parts of a gradient have the same bits.
    """

    degrees: float
    pivot: tuple[float, float]

    @property
    def cosine(self) -> float:
        return _circle(self.degrees)[0]

    @property
    def sine(self) -> float:
        return _circle(self.degrees)[1]

    def there(self, x: Any, y: Any) -> tuple[Any, Any]:
        """Where (x, y) comes to; numbers, arrays or tensors."""
        return self._by(self.cosine, self.sine, x, y)

    def back(self, x: Any, y: Any) -> tuple[Any, Any]:
        """Where (x, y) was before."""
        return self._by(self.cosine, -self.sine, x, y)

    def _by(self, cosine: float, sine: float, x: Any, y: Any) -> tuple[Any, Any]:
        px, py = self.pivot
        dx, dy = x - px, y - py
        return cosine * dx - sine * dy + px, sine * dx + cosine * dy + py

    def view(self, view: View, start: tuple[float, float]) -> View:
        """`view` about its turned centre, with its sides' ratio and its points; grown just enough
        for all points and `start` to stay inside."""
        sides = (view.x, view.y)
        middle = tuple((low + high) / 2 for low, high in sides)
        half = tuple((high - low) / 2 for low, high in sides)
        marked = [(point.x, point.y) for point in view.points] + [start]

        def reach(points: list[tuple[float, float]], about: tuple[float, ...]) -> float:
            return max(abs(p[i] - about[i]) / half[i] for p in points for i in (0, 1))

        centre = self.there(*middle)
        allowed = max(_MARGIN, reach(marked, middle))
        grown = max(1.0, reach([self.there(*at) for at in marked], centre) / allowed)
        x, y = ((c - grown * h, c + grown * h) for c, h in zip(centre, half, strict=True))
        points = tuple(Point(*self.there(p.x, p.y), p.kind) for p in view.points)
        return View(x, y, view.log, points)


def pivot_of(view: View) -> tuple[float, float]:
    """What a surface is turned about: its first saddle, where axes matter most; else its first
    minimum, else the view's centre."""
    for kinds in (("saddle",), ("minimum", "local minimum")):
        for point in view.points:
            if point.kind in kinds:
                return point.x, point.y
    return sum(view.x) / 2, sum(view.y) / 2


def _circle(degrees: float) -> tuple[float, float]:
    """Cosine and sine."""
    quarters = round(degrees / 90)
    rest = degrees - 90 * quarters
    if abs(rest) == 45:
        cosine, sine = math.sqrt(0.5), math.copysign(math.sqrt(0.5), rest)
    else:
        cosine, sine = math.cos(math.radians(rest)), math.sin(math.radians(rest))
    for _ in range(quarters % 4):
        cosine, sine = -sine, cosine
    return cosine, sine
