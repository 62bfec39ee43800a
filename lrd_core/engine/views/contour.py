"""The loss over the plane of the paths, or around one run's end, computed a value at a time."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lrd_core.engine.controls import Sink
from lrd_core.engine.experiment import ExperimentSpec
from lrd_core.engine.trainer import Trainer
from lrd_core.engine.views.paths import Paths
from lrd_core.probes.contour import Contour, contour, random_directions, window
from lrd_core.probes.point import Point
from lrd_core.problems import get_problem
from lrd_core.problems.problem import Instance
from lrd_core.settings import SettingError

#: Directions that can be asked for: the plane of the paths, or two filter-normalised random ones.
CONTOURS = ("plane", "filter")
#: Values a side.
POINTS = 25
#: How far to look along filter-normalised directions, in lengths of the parameters' filters.
REACH = 1.0
#: Values between two messages about how far it is.
TELL_EVERY = 25


@lru_cache(maxsize=3)
def _apart(
    purpose: str, problem: str, settings: tuple[tuple[str, Any], ...], seed: int, device: str
) -> Instance:
    """`purpose` only tells instances apart."""
    return get_problem(problem).build(dict(settings), seed, torch.device(device))


def apart(spec: ExperimentSpec, purpose: str) -> Instance:
    """An instance of the experiment that never trains, for looking at other places.

    One for each purpose: what is half done must not be moved by another.
    """
    return _apart(purpose, spec.problem, tuple(spec.settings.items()), spec.seed, spec.device)


def contour_view(
    spec: ExperimentSpec, paths: Paths, centre: Trainer, directions: str, sink: Sink
) -> Iterator[None]:
    """Computes a contour, a value a turn, and sends it as the view ``contour``.

    ``{"directions", "run", "step", "x", "y", "z", "progress"}``, and the ``map`` of the plane as in
    the view ``plane``; ``z[i][j]`` at ``x[j]``, ``y[i]``,
    None where it is not finite; without ``z`` while it is being computed.

    Raises:
        SettingError: a surface, or no plane yet.
    """
    instance = apart(spec, "contour")
    if get_problem(spec.problem).kind == "surface":
        raise SettingError("kind", "contour", "a task: a surface's picture is its contour")
    here = Point.of(centre.members[0].instance)
    about: dict[str, Any] = {
        "directions": directions,
        "run": centre.identity.id,
        "step": centre.step,
    }
    lines: Sequence[torch.Tensor]
    x: NDArray[np.float64]
    if directions == "plane":
        plane = paths.plane
        if plane is None:
            raise SettingError("setting", directions, "a later step: there is no plane yet")
        lines = list(plane.lifted())
        about["map"] = plane.sketch_map.T.tolist()
        x, y = window(paths.places(), POINTS)
        shift = [
            (p - q).reshape(-1) for p, q in zip(here.parameters, centre.rows.start, strict=True)
        ]
        moved = torch.cat(shift).float().cpu().numpy()
        at = tuple(float(v) for v in plane.project(moved))
        work = contour(instance, lines, x, y, here, (at[0], at[1]))
    else:
        lines = list(random_directions(here.parameters, spec.seed))
        x = y = np.linspace(-REACH, REACH, POINTS)
        work = contour(instance, lines, x, y, here)
    return _turns(work, about, sink)


def _turns(work: Any, about: dict[str, Any], sink: Sink) -> Iterator[None]:
    sink.view("contour", about | {"progress": 0.0})
    done = 0
    while True:
        try:
            share = next(work)
        except StopIteration as end:
            sink.view("contour", about | _values(end.value) | {"progress": 1.0})
            return
        done += 1
        if done % TELL_EVERY == 0 and share < 1:
            sink.view("contour", about | {"progress": share})
        yield


def _values(found: Contour) -> dict[str, Any]:
    rows = [[v if math.isfinite(v) else None for v in row] for row in found.z.tolist()]
    return {"x": found.x.tolist(), "y": found.y.tolist(), "z": rows}
