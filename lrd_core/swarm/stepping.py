"""Steps many starts on all cores: blocks of starts, each through all steps."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lrd_core.problems import Surface
from lrd_core.problems.turn import Turn
from lrd_core.settings import SettingError
from lrd_core.swarm import kernels
from lrd_core.swarm.layout import BLOCK, HEADER, NUMBERS
from lrd_core.swarm.plan import Masks, Plan

#: Positions from 2²⁴ on have other keys: two coordinates a start.
MAX_STARTS = 1 << 23
#: Blocks that one call steps: few enough to share the work out evenly.
_CHUNK = 8


@dataclass(frozen=True, slots=True)
class Stepped:
    """Where the starts are after the last step.

    Attributes:
        x, y: positions, (starts,).
        at: step at which a minimum was first near, 0 for a start that lies there; infinity: never.
        which: that minimum's number.
    """

    x: NDArray[Any]
    y: NDArray[Any]
    at: NDArray[Any]
    which: NDArray[Any]


def near(surface: Surface) -> float:
    """Distance within which a minimum counts as reached: 2 % of the view's shorter side.

    It is what a drawing of the view shows as being there (5 of 256 pixels); minima of the built-in
    surfaces lie at least six times as far apart, and an optimizer that circles its minimum with
    steps of the suggested learning rate comes inside. A turn changes nothing.
    """
    surface = surface.untouched or surface
    (left, right), (low, high) = surface.view.x, surface.view.y
    return 0.02 * min(right - left, high - low)


def step_all(
    surface: Surface,
    plan: Plan,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    masks: Masks,
    threads: int | None,
    watch: bool,
    stop: bool,
) -> Stepped:
    """Steps starts through all of a plan's steps.

    Args:
        x, y: starts, (starts,).
        masks: see `swarm`.
        threads: None: one a core.
        watch: look for minima.
        stop: starts may rest once they have reached one: where they end is then not known.

    Raises:
        SettingError: too many starts, or a surface that cannot be compiled.
    """
    starts = x.size
    if not 1 <= starts <= MAX_STARTS:
        raise SettingError("starts", starts, f"1 to {MAX_STARTS} starts")
    kernel, _ = kernels.find(surface, plan.program, plan.variant)
    dtype = plan.constants.dtype
    blocks = -(-starts // BLOCK)
    work = np.zeros((blocks, len(kernel.rows.rows), BLOCK), dtype=dtype)
    for name, values in (("x", x), ("y", y)):
        # The last block is filled up with copies of its last start.
        padded = np.concatenate([values, np.full(blocks * BLOCK - starts, values[-1])])
        work[:, kernel.rows[name]] = padded.reshape(blocks, BLOCK)
    work[:, kernel.rows["at"]] = np.inf
    numbers = np.zeros(len(NUMBERS), dtype=dtype)
    turn = surface.turn or Turn(0.0, (0.0, 0.0))
    turned = (turn.cosine, turn.sine, *turn.pivot)
    numbers[:] = (plan.factor, plan.rest, plan.sigma, near(surface) ** 2, plan.whole, *turned)
    header = np.zeros(len(HEADER), dtype=np.int64)
    fixed = {
        "steps": len(plan.constants),
        "constants": plan.constants.ctypes.data,
        "keys": plan.keys.ctypes.data,
        "noise_keys": plan.noise_keys.ctypes.data,
        "last": max(plan.limit - 1, 0),
        "none": 0 if plan.limit > 0 else 0xFFFFFFFF,
        "spread": 2 if masks == "own" else 0,
        "numbers": numbers.ctypes.data,
        "watch": int(watch),
        "stop": int(stop),
    }
    for name, value in fixed.items():
        header[HEADER.index(name)] = value

    def step_chunk(first: int) -> None:
        mine = header.copy()
        mine[HEADER.index("work")] = work[first:].ctypes.data
        mine[HEADER.index("blocks")] = min(_CHUNK, blocks - first)
        mine[HEADER.index("first")] = first * BLOCK
        kernel.call(mine.ctypes.data)

    chunks = range(0, blocks, _CHUNK)
    count = min(threads or _cores(), len(chunks))
    if count > 1:
        with ThreadPoolExecutor(count, "lrd-swarm") as pool:
            list(pool.map(step_chunk, chunks))
    else:
        for first in chunks:
            step_chunk(first)

    def row(name: str) -> NDArray[Any]:
        return work[:, kernel.rows[name]].reshape(-1)[:starts]

    return Stepped(row("x"), row("y"), row("at"), row("which"))


@lru_cache(maxsize=1)
def _cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
