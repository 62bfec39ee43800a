"""Basins: which minimum the starts of a grid over a view reach, and after how many steps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lrd_core.engine.experiment import RunSpec
from lrd_core.problems import Point, Surface
from lrd_core.settings import SettingError
from lrd_core.swarm.plan import DType, Masks, plan
from lrd_core.swarm.stepping import step_all
from lrd_core.swarm.swarm import NEVER, NONE, check_choices, reached

#: Finest grid: 2,048² starts are 4 million.
MAX_GRID = 2048


@dataclass(frozen=True, slots=True)
class Basins:
    """The picture of one run.

    Attributes:
        which: (n, n) uint8; at [i, j] the index among `minima_of(surface)` of the first minimum
            that the start (x[j], y[i]) reached, 255: none.
        reached_at: (n, n) uint32, the first step after which it was near; 0: it began there;
            `NEVER`.
        curve: (steps + 1,) float32, the share of starts that have reached a minimum by each step.
        reached: the share in the end.
        median: of the steps of those that reached, rounded down; None: none did.
        shares: for each minimum the share of starts that reached it.
        diverged: share of starts whose position stopped being finite.
    """

    which: NDArray[np.uint8]
    reached_at: NDArray[np.uint32]
    curve: NDArray[np.float32]
    reached: float
    median: int | None
    shares: list[float]
    diverged: float


def minima_of(surface: Surface) -> list[Point]:
    """The minima of the view, local ones too, in the order of its points."""
    return [point for point in surface.view.points if point.kind != "saddle"]


def basins(
    surface: Surface,
    run: RunSpec,
    n: int = 256,
    steps: int = 500,
    seed: int = 0,
    masks: Masks = "own",
    dtype: DType = "float32",
    threads: int | None = None,
) -> Basins:
    """Steps n × n starts on a grid over the view, ends included, and tells where they come to.

    A minimum is reached at the first step after which the start is nearer to it than
    `stepping.near`. Starts rest once they have reached one, which changes nothing told here.

    float32 is the default for speed; the trainer computes surfaces in float64, so that single
    starts on the border of two basins may differ from it. float64 takes twice the time.

    Args:
        surface, run, steps, seed, masks, dtype, threads: as for `swarm`; start i · n + j is
            (x[j], y[i]).
        n: starts along each axis, from 2 to 2,048.

    Raises:
        SettingError: as `swarm`; a grid out of range.
    """
    check_choices(steps, masks, dtype, threads)
    if isinstance(n, bool) or not isinstance(n, int) or not 2 <= n <= MAX_GRID:
        raise SettingError("n", n, f"a whole number in [2, {MAX_GRID}]")
    x, y = (grid.reshape(-1) for grid in np.meshgrid(*_axes(surface, n)))
    work = plan(run, steps, seed, dtype)
    done = step_all(surface, work, x, y, masks, threads, watch=True, stop=True)
    which, at = reached(done.which, done.at)
    finite = np.isfinite(done.x) & np.isfinite(done.y)
    there = at != NEVER
    counts = np.bincount(at[there], minlength=steps + 1)
    minima = np.bincount(which, minlength=NONE + 1)[: len(minima_of(surface))]
    return Basins(
        which=which.reshape(n, n),
        reached_at=at.reshape(n, n),
        curve=(np.cumsum(counts) / at.size).astype(np.float32),
        reached=float(np.mean(there)),
        median=int(np.median(at[there])) if there.any() else None,
        shares=[float(count / at.size) for count in minima],
        diverged=float(np.mean(~finite & ~there)),
    )


def _axes(surface: Surface, n: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return np.linspace(*surface.view.x, n), np.linspace(*surface.view.y, n)
