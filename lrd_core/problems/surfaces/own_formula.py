"""A surface whose formula is typed: a setting like any other, so that it is stored and shared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch

from lrd_core.problems.critical import critical_points
from lrd_core.problems.formula import FormulaSetting, parse
from lrd_core.problems.problem import CPU, View
from lrd_core.problems.surfaces.surface import (
    Surface,
    SurfaceInstance,
    lr_table,
    minimum_at,
    saddle_at,
)
from lrd_core.settings import Setting, SettingError, Value, check_settings

DEFAULT = "x**2 + 3*sin(y)"
#: Where a start lies in its ranges if it is not given, as shares of them.
OFF_MIDDLE = (0.15, 0.6)
#: Farthest that a range may reach.
FARTHEST = 1000.0
#: Ends of a range are at least this far apart.
NARROWEST = 1e-3
#: A surface whose highest point is this many times as high above its lowest as half of its area is
#: looks best with bands that are spaced by the logarithm.
STEEP = 12.0


@dataclass(frozen=True)
class OwnFormula(Surface):
    """`Surface` of any formula; its other attributes are those of the default formula."""

    @property
    def settings(self) -> tuple[Setting, ...]:
        """``formula``; ``x_low``, ``x_high``, ``y_low``, ``y_high``, the drawn ranges; a surface's
        own."""
        rotation, *starts = super().settings
        (x_low, x_high), (y_low, y_high) = self.view.x, self.view.y
        wide = [replace(start, low=-FARTHEST, high=FARTHEST) for start in starts]
        return (
            FormulaSetting("formula", DEFAULT, label="f(x, y)", help="Typed.", live=False),
            _end("x_low", "x from", x_low),
            _end("x_high", "x to", x_high),
            _end("y_low", "y from", y_low),
            _end("y_high", "y to", y_high),
            rotation,
            *wide,
        )

    def completed(self, settings: Mapping[str, object]) -> Mapping[str, object]:
        """A start that is not given, and whose default lies outside the ranges, is inside them: at
        the place that a typed formula starts from on the page.

        Raises:
            SettingError: a bad value.
        """
        checked = check_settings(self.settings, settings)
        found = dict(settings)
        for axis, share in zip("xy", OFF_MIDDLE, strict=True):
            low, high = (float(checked[f"{axis}_{end}"]) for end in ("low", "high"))
            start = f"start_{axis}"
            if start not in settings and not low <= float(checked[start]) <= high:
                place = float(f"{low + share * (high - low):.4g}")
                found[start] = min(max(place, low), high)
        return found

    def build(
        self, settings: Mapping[str, Value], seed: int, device: torch.device = CPU
    ) -> SurfaceInstance:
        """As `Surface.build`, with settings `completed`."""
        complete = check_settings(self.settings, self.completed(settings))
        return super().build(complete, seed, device)

    def settled(self, settings: Mapping[str, Value]) -> Surface:
        """The surface of the formula in its ranges, turned.

        Raises:
            SettingError: a bad value; ranges that are empty, or in which the formula has no finite
                value.
        """
        checked = check_settings(self.settings, settings)
        ends: list[float] = []
        for axis in "xy":
            low, high = (float(checked[f"{axis}_{end}"]) for end in ("low", "high"))
            if high - low < NARROWEST:
                mend = f"a number above {axis} from, {low:g}"
                raise SettingError(f"settings.{axis}_high", high, mend)
            ends += [low, high]
        surface = _surface(str(checked["formula"]), *ends)
        return surface.turned(float(checked["rotation"]))


def _end(name: str, label: str, default: float) -> Setting:
    return Setting(
        name,
        default,
        low=-FARTHEST,
        high=FARTHEST,
        label=label,
        help="The part of the plane that is drawn, and in which minima are looked for.",
        live=False,
    )


@lru_cache(maxsize=64)
def _surface(text: str, x_low: float, x_high: float, y_low: float, y_high: float) -> Surface:
    formula, x, y = parse(text), (x_low, x_high), (y_low, y_high)
    with np.errstate(all="ignore"):
        grid = formula(*np.meshgrid(np.linspace(*x, 160), np.linspace(*y, 160)), np)
    finite = np.sort(grid[np.isfinite(grid)])
    if not finite.size:
        raise SettingError(
            "settings.formula", text, f"a formula with a finite value for x in {x}, y in {y}"
        )
    points = critical_points(formula, x, y)
    deepest = [float(formula(p.x, p.y, np)) for p in points if p.kind == "minimum"]
    low = min([*deepest, float(finite[0])])
    log = float(finite[-1]) - low > STEEP * (float(np.median(finite)) - low)
    return replace(
        PROBLEM,
        formula=formula.text,
        value=formula,
        view=View(x, y, log=log, points=points),
        start=(
            x_low + OFF_MIDDLE[0] * (x_high - x_low),
            y_low + OFF_MIDDLE[1] * (y_high - y_low),
        ),
        minimum=low,
    )


_THIRD = 4.71238898038469
_HALF = 1.5707963267948966

PROBLEM = OwnFormula(
    name="own_formula",
    label="Own formula",
    formula=DEFAULT,
    about="Type f(x, y): its minima and saddles are found, and everything works as on the others.",
    value=parse(DEFAULT),
    view=View(
        (-5.4, 5.4),
        (-3.9, 5.2),
        log=False,
        points=(minimum_at(0.0, -_HALF), minimum_at(0.0, _THIRD), saddle_at(0.0, _HALF)),
    ),
    start=(-4.0, 1.4),
    minimum=-3.0,
    suggested_lr=lr_table(sgd=0.01, adam=0.05, radam=0.05, rmsprop=0.02, adagrad=0.5, adadelta=5.0),
    order=200,
)
