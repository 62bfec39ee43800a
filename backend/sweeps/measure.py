"""What is measured of a cell: numbers of one run, from its rows as they come.

Of a task `loss` is the mean of the last `WINDOW` steps, the others are the newest held-out ones.
With copies (seeds that train together) a row has mean and standard deviation over them; that of
the window's mean is not stored, and is taken as the mean of the steps' own, which it cannot exceed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.protocol import SweepValue
from backend.store.reading import RawColumn, RunLines
from backend.sweeps.plan import spread
from lrd_core.engine.frames import Block
from lrd_core.problems.surfaces.surface import Surface

#: Steps that a task's loss is the mean of.
WINDOW = 50
#: A run has arrived once the surface's value is this close to its minimum, as on Explore.
REACHED = 1e-3
TASK = ("test_loss", "test_accuracy", "loss")
SURFACE = ("steps_to_minimum", "distance", "loss")
#: A surface without a minimum has nowhere to arrive.
ENDLESS = ("loss",)

#: A column's rows: steps and values, both (rows,).
Rows = tuple[NDArray[Any], NDArray[Any]]


def measures(surface: Surface | None) -> tuple[str, ...]:
    """Names of what is measured, the main one first."""
    if surface is None:
        return TASK
    return SURFACE if has_minimum(surface) else ENDLESS


def has_minimum(surface: Surface) -> bool:
    """Whether it has a global minimum in its view."""
    return any(point.kind == "minimum" for point in surface.view.points)


def columns(surface: Surface | None, seeds: int) -> list[str]:
    """Names of the columns that are read."""
    if surface is not None:
        return ["loss", "x", "y"]
    parts = ("/mean", "/sd") if seeds > 1 else ("",)
    return [f"{name}{part}" for name in TASK for part in parts]


def of_block(block: Block, wanted: Sequence[str]) -> dict[str, Rows]:
    """The rows of a frame's block."""
    steps = block.first + block.every * np.arange(block.rows)
    return {name: (steps, block.column(name)) for name in wanted if name in block.columns}


def of_lines(lines: RunLines) -> dict[str, Rows]:
    """The rows of a run that was read from the store without a width."""
    found = lines.columns.items()
    return {name: (one.steps, one.values) for name, one in found if isinstance(one, RawColumn)}


@dataclass
class Run:
    """One run as far as its rows have come; `values` are its measures now."""

    surface: Surface | None
    seeds: int
    values: dict[str, SweepValue] = field(default_factory=dict)
    #: By measure the newest step that was taken in.
    _seen: dict[str, int] = field(default_factory=dict)
    #: The last losses and their standard deviations.
    _tail: list[tuple[float, float]] = field(default_factory=list)

    def take(self, rows: Mapping[str, Rows]) -> None:
        """Take in rows; those that are known already are passed over."""
        if self.surface is not None:
            self._take_surface(rows, self.surface)
            return
        for name in TASK:
            self._take_task(rows, name)

    def _fresh(self, rows: Mapping[str, Rows], measure: str, column: str) -> Rows | None:
        if column not in rows:
            return None
        steps, values = rows[column]
        fresh = steps > self._seen.get(measure, 0)
        if not fresh.any():
            return None
        return steps[fresh], values[fresh].astype(np.float64)

    def _take_task(self, rows: Mapping[str, Rows], name: str) -> None:
        several = self.seeds > 1
        mean = self._fresh(rows, name, f"{name}/mean" if several else name)
        if mean is None:
            return
        sd = self._fresh(rows, name, f"{name}/sd") if several else None
        self._seen[name] = int(mean[0].max())
        scatter = sd[1].tolist() if sd is not None else [math.nan] * len(mean[1])
        new = list(zip(mean[1].tolist(), scatter, strict=True))
        if name == "loss":
            new = self._tail = [*self._tail, *new][-WINDOW:]
        else:
            new = new[-1:]
        about = math.fsum(sd for _, sd in new) / len(new)
        value = sum(mean for mean, _ in new) / len(new)
        self._put(name, value, about if math.isfinite(about) else None)

    def _take_surface(self, rows: Mapping[str, Rows], surface: Surface) -> None:
        before = self._seen.get("loss", 0)
        loss = self._fresh(rows, "loss", "loss")
        if loss is None:
            return
        steps, values = loss
        self._seen["loss"] = int(steps.max())
        if not has_minimum(surface):
            self._put("loss", float(values[-1]))
            return
        near = values - surface.minimum < REACHED
        if "steps_to_minimum" not in self.values and near.any():
            self._put("steps_to_minimum", float(steps[near.argmax()]))
        # Above the minimum, so that it can be drawn on a logarithmic scale.
        self._put("loss", float(values[-1]) - surface.minimum)
        if "x" in rows and "y" in rows and rows["x"][0][-1] > before:
            x, y = float(rows["x"][1][-1]), float(rows["y"][1][-1])
            self._put("distance", surface.distance(x, y))

    def _put(self, name: str, value: float, sd: float | None = None) -> None:
        if math.isfinite(value):
            self.values[name] = SweepValue(mean=value, sd=sd, n=self.seeds)
        else:
            self.values.pop(name, None)


def merged(parts: Sequence[Mapping[str, SweepValue]]) -> dict[str, SweepValue]:
    """The measures of a cell whose seeds are runs of their own."""
    if len(parts) == 1:
        return dict(parts[0])
    found = {}
    for name in {name for part in parts for name in part}:
        values = [value.mean for part in parts if (value := part.get(name)) is not None]
        mean, sd = spread([value for value in values if value is not None])
        found[name] = SweepValue(mean=mean, sd=sd, n=len(values))
    return found
