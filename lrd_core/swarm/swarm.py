"""A swarm: many starts on a surface, each stepped as a run of its own, in compiled code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lrd_core.engine.experiment import RunSpec
from lrd_core.problems import Surface
from lrd_core.settings import Setting, SettingError
from lrd_core.swarm import kernels
from lrd_core.swarm.plan import DType, Masks, plan
from lrd_core.swarm.stepping import near, step_all

#: Value of `reached_at` for starts that have reached no minimum.
NEVER = 0xFFFFFFFF
#: Value of `which` for them.
NONE = 255
THREADS = Setting("threads", 1, low=1, high=256)
#: Tables have a row a step; float32 counts steps exactly that far.
STEPS = Setting("steps", 500, low=1, high=10_000_000)


@dataclass(frozen=True, slots=True)
class Swarm:
    """Where a swarm's starts have come to.

    Attributes:
        x, y: positions after the last step, (starts,), of the swarm's dtype.
        which: index among the view's minima, local ones too, of the first one reached, uint8,
            (starts,); 255: none.
        reached_at: the step after which it was first near, uint32; 0: it began there; `NEVER`.
        near: distance that counts as reached.
    """

    x: NDArray[Any]
    y: NDArray[Any]
    which: NDArray[np.uint8]
    reached_at: NDArray[np.uint32]
    near: float


def swarm(
    surface: Surface,
    run: RunSpec,
    starts: ArrayLike,
    steps: int,
    seed: int = 0,
    masks: Masks = "own",
    dtype: DType = "float64",
    threads: int | None = None,
) -> Swarm:
    """Steps starts on a surface.

    Every start is a run: a tensor of shape (2,) of its own, stepped as `LRD` steps it. ``shared``
    masks: all have the coins of one such run with this seed, and start by start the result is that
    run's. ``own`` masks: start i has the coins of the positions 2i (x) and 2i + 1 (y) of tensor 0,
    so that element-wise all starts together are one parameter of shape (starts, 2); where one coin
    decides for a tensor or a step, a start's coin is that of position 2i; noise is that of
    positions 2i and 2i + 1. What a policy takes over a tensor (share kept, mean square, order of
    coordinates) it takes over the start's two coordinates. Start 0 is the same either way.

    Against `LRD` on torch's gradients, float64 differs by rounding alone.

    Args:
        surface: any; its formula must have a derivative.
        run: optimizer, drop rate and policy, checked (`lrd_core.engine.experiment.check_run`).
        starts: (starts, 2), positions (x, y).
        steps: updates, from 1.
        seed: of the masks.
        masks, dtype: see above.
        threads: None: one a core. The result does not depend on it.

    Raises:
        SettingError: a bad argument, a surface without a derivative, an unknown policy.
    """
    check_choices(steps, masks, dtype, threads)
    points = np.asarray(starts, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] != 2 or not np.isfinite(points).all():
        raise SettingError("starts", points.shape, "finite positions of shape (starts, 2)")
    x, y = np.ascontiguousarray(points.T)
    work = plan(run, steps, seed, dtype)
    done = step_all(surface, work, x, y, masks, threads, watch=True, stop=False)
    which, at = reached(done.which, done.at)
    return Swarm(done.x.copy(), done.y.copy(), which, at, near(surface))


def prepare(surface: Surface, run: RunSpec, dtype: DType = "float32") -> bool:
    """Compiles what a run needs on a surface, or loads it from the disk.

    Returns:
        Whether it had to be compiled (a second or more). Other numbers of the same run need
        nothing new: only another optimizer, policy, `rescale` or switch, and a setting that becomes
        0 or ceases to be.

    Raises:
        SettingError: as `swarm`.
    """
    work = plan(run, 1, 0, dtype)
    return kernels.find(surface, work.program, work.variant)[1]


def is_prepared(surface: Surface, run: RunSpec, dtype: DType = "float32") -> bool:
    """Whether `prepare` would have nothing to compile."""
    work = plan(run, 1, 0, dtype)
    return kernels.at_hand(surface, work.program, work.variant)


def check_choices(steps: object, masks: object, dtype: object, threads: object) -> None:
    """What `swarm` and `basins` have in common.

    Raises:
        SettingError: a value that is none of the allowed ones.
    """
    STEPS.check(steps)
    if threads is not None:
        THREADS.check(threads)
    for field, value, kind in (("masks", masks, Masks), ("dtype", dtype, DType)):
        if value not in get_args(kind):
            raise SettingError(field, value, " or ".join(get_args(kind)))


def reached(which: NDArray[Any], at: NDArray[Any]) -> tuple[NDArray[np.uint8], NDArray[np.uint32]]:
    """A kernel's numbers as `Swarm` has them."""
    there = np.isfinite(at)
    minima = np.where(there, which, NONE).astype(np.uint8)
    steps = np.where(there, at, 0).astype(np.uint32)
    steps[~there] = NEVER
    return minima, steps
