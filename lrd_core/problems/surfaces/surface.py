"""A surface: an analytic function of two coordinates, seen as a problem."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from lrd_core.problems.problem import CPU, Point, Stack, View
from lrd_core.problems.turn import Turn, pivot_of
from lrd_core.settings import Setting, SettingError, Value, check_settings

#: Finest drawing grid: 2,048² float32 values are 16 MiB.
MAX_GRID = 2048

ROTATION = Setting(
    "rotation",
    0.0,
    low=-180.0,
    high=180.0,
    label="rotation",
    help="Degrees by which the surface is turned, counter-clockwise; the start turns with it.",
    live=False,
)


@dataclass(frozen=True)
class Surface:
    """One analytic test function; satisfies `Problem`.

    Attributes:
        name, label, about, order, suggested_lr, steps, speed, examples: see `Problem`.
        formula: f(x, y) as a person writes it.
        value: ``value(x, y, math)``, the function written once on a namespace `math` that has
            `exp`, `cos`, `sqrt`, `pi`; pass ``torch`` with tensors or ``numpy`` with arrays of any
            broadcastable shapes.
        view: what to draw.
        start: default start (x, y), inside the view.
        minimum: smallest value of the function.
        turn, untouched: of a turned surface how it is turned, and the surface that it was.
    """

    name: str
    label: str
    formula: str
    about: str
    value: Callable[[Any, Any, Any], Any]
    view: View
    start: tuple[float, float]
    suggested_lr: Mapping[str, float]
    minimum: float = 0.0
    order: int = 1000
    steps: int = 900
    speed: float = 60.0
    kind: Literal["surface"] = "surface"
    test_every: int = 10
    data: str = ""
    examples: int = 0
    suggested_settings: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)
    suggested_schedule: Mapping[str, object] = field(default_factory=dict)
    turn: Turn | None = None
    untouched: Surface | None = None

    @property
    def settings(self) -> tuple[Setting, ...]:
        """``rotation``; ``start_x`` and ``start_y`` on the surface before it is turned."""
        return (ROTATION, *_starts(self.start, self.view))

    def completed(self, settings: Mapping[str, object]) -> Mapping[str, object]:
        """The settings with those that are not given and whose defaults do not go with them."""
        return settings

    def settled(self, settings: Mapping[str, Value]) -> Surface:
        """The surface that settings make: turned by ``rotation``; the same object for the same.

        The formula becomes f(R⁻¹(p − c) + c), R the turn and c what it is turned about
        (`pivot_of`); points and view follow (`Turn.view`).

        Raises:
            SettingError: an unknown setting, or a bad value.
        """
        degrees = float(check_settings(self.settings, settings)["rotation"])
        return self.turned(degrees)

    def turned(self, degrees: float) -> Surface:
        """The surface turned by `degrees`; itself for 0."""
        if degrees == 0:
            return self
        return _turned(self, degrees)

    def build(
        self, settings: Mapping[str, Value], seed: int, device: torch.device = CPU
    ) -> SurfaceInstance:
        """A point at the start, on the CPU: two numbers gain nothing from another device.

        `seed` changes nothing, a surface has no randomness.

        Raises:
            SettingError: an unknown setting, or a start outside the view.
        """
        checked = check_settings(self.settings, settings)
        surface = self.settled(checked)
        return SurfaceInstance(surface, *surface._place(checked))

    def _place(self, settings: Mapping[str, Value]) -> tuple[float, float]:
        """Where a run with checked settings begins, in the plane: the start turned with the
        surface.

        Raises:
            SettingError: a start outside the drawn view.
        """
        start = float(settings["start_x"]), float(settings["start_y"])
        at = self.turn.there(*start) if self.turn else start
        for axis, value, (low, high) in zip("xy", at, (self.view.x, self.view.y), strict=True):
            if not low <= value <= high:
                mend = f"a finite number in [{low:g}, {high:g}]"
                if self.turn:
                    mend = f"a start in the drawn view: turned, its {axis} is {value:g}, not {mend}"
                raise SettingError(f"settings.start_{axis}", settings[f"start_{axis}"], mend)
        return at

    def grid(self, n: int) -> dict[str, NDArray[np.float32]]:
        """The view sampled for drawing.

        Returns:
            ``x`` (n,) and ``y`` (n,), ascending, ends included, and ``z`` (n, n) with
            ``z[i, j] = f(x[j], y[i])``; all float32, computed in float64.

        Raises:
            SettingError: `n` is not a whole number from 2 to 2,048.
        """
        if isinstance(n, bool) or not isinstance(n, int) or not 2 <= n <= MAX_GRID:
            raise SettingError("n", n, f"a whole number in [2, {MAX_GRID}]")
        x, y = np.linspace(*self.view.x, n), np.linspace(*self.view.y, n)
        # A formula of one coordinate alone gives a single row or column.
        z = np.broadcast_to(self.value(x[None, :], y[:, None], np), (n, n))
        return {"x": x.astype("f4"), "y": y.astype("f4"), "z": z.astype("f4")}

    def distance(self, x: float, y: float) -> float:
        """Euclidean distance from (x, y) to the nearest global minimum; NaN if none is known."""
        minima = (point for point in self.view.points if point.kind == "minimum")
        return min((math.hypot(x - point.x, y - point.y) for point in minima), default=math.nan)


class SurfaceInstance:
    """One run's point on a surface; satisfies `Instance`.

    Attributes:
        parameters: one parameter, shape (2,), float64: the position (x, y).
        names: ``["xy"]``.
        buffers, stack: none.
        steps_per_epoch: 0, there are no data.
    """

    stack: Stack | None = None
    steps_per_epoch = 0

    def __init__(self, surface: Surface, x: float, y: float) -> None:
        self.surface = surface
        xy = torch.tensor([x, y], dtype=torch.float64)
        self.parameters: list[torch.nn.Parameter] = [torch.nn.Parameter(xy)]
        self.names = ["xy"]
        self.buffers: dict[str, torch.Tensor] = {}

    def loss(self, step: int) -> torch.Tensor:
        """The surface's value at the current position, float64 scalar with a graph; the same for
        every `step`."""
        x, y = self.parameters[0].unbind()
        value: torch.Tensor = self.surface.value(x, y, torch)
        return value

    def fixed_loss(self) -> torch.Tensor:
        """The surface's value here, as `loss`."""
        return self.loss(1)

    def test(self) -> dict[str, float]:
        """Nothing: a surface has no held-out data."""
        return {}

    def examine(self) -> Callable[[], dict[str, float]]:
        """Nothing."""
        return dict


class Start(Setting):
    """A coordinate of the start. Whether it lies in the drawn view, which may be turned, is seen
    when a surface is built: here it only has to be a number."""

    def _inside(self, number: float) -> bool:
        return True


def _starts(start: tuple[float, float], view: View) -> tuple[Setting, ...]:
    return tuple(
        Start(
            f"start_{axis}",
            float(default),
            low=low,
            high=high,
            label=f"start {axis}",
            help="Where every run begins; inside the drawn view.",
            live=False,
        )
        for axis, default, (low, high) in zip("xy", start, (view.x, view.y), strict=True)
    )


#: Turned surfaces, the last ones asked for: kernels and caches know surfaces as objects.
_known: OrderedDict[tuple[int, float], Surface] = OrderedDict()
_MOST_KNOWN = 256
_lock = Lock()


def _turned(surface: Surface, degrees: float) -> Surface:
    key = (id(surface), degrees)
    with _lock:
        found = _known.pop(key, None)
        # Another surface may have got the place in memory of one that is gone.
        if found is None or found.untouched is not surface:
            found = _made(surface, Turn(degrees, pivot_of(surface.view)))
        _known[key] = found
        while len(_known) > _MOST_KNOWN:
            _known.popitem(last=False)
    return found


def _made(surface: Surface, turn: Turn) -> Surface:
    def value(x: Any, y: Any, math: Any) -> Any:
        return surface.value(*turn.back(x, y), math)

    view, start = turn.view(surface.view, surface.start), turn.there(*surface.start)
    return replace(surface, value=value, view=view, start=start, turn=turn, untouched=surface)


def lr_table(
    *, sgd: float, adam: float, radam: float, rmsprop: float, adagrad: float, adadelta: float
) -> dict[str, float]:
    """Suggested learning rates of all rules by name; Adam's is for AdamW, AMSGrad and NAdam too,
    a third of it for Lion, whose steps all have full size.

    `sgd` is meant with momentum 0.9. `radam` is apart, because RAdam's first steps are not divided
    by the gradient's size.
    """
    family = dict.fromkeys(("adam", "adamw", "amsgrad", "nadam"), adam)
    others = {"radam": radam, "rmsprop": rmsprop, "adagrad": adagrad, "adadelta": adadelta}
    return {"sgd": sgd, **family, **others, "lion": adam / 3}


def minimum_at(x: float, y: float) -> Point:
    """A global minimum."""
    return Point(x, y, "minimum")


def local_minimum_at(x: float, y: float) -> Point:
    """A minimum that is not a global one."""
    return Point(x, y, "local minimum")


def saddle_at(x: float, y: float) -> Point:
    """A saddle: zero gradient, downhill in some directions and uphill in others."""
    return Point(x, y, "saddle")


def separable_points(minima: tuple[float, ...], maxima: tuple[float, ...]) -> tuple[Point, ...]:
    """The points of f(x, y) = h(x) + h(y), from the critical points of h in one dimension.

    Args:
        minima: minima of h, the deepest first and alone at its depth.
        maxima: maxima of h.
    """
    best = minima[0]
    low = [local_minimum_at(x, y) for x in minima for y in minima if (x, y) != (best, best)]
    passes = [(low_x, high_y) for low_x in minima for high_y in maxima]
    saddles = [saddle_at(x, y) for x, y in passes] + [saddle_at(y, x) for x, y in passes]
    return (minimum_at(best, best), *low, *saddles)
