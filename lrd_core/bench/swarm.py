"""Swarms: thousands of starts on a surface against a loop over torch's autograd."""

from __future__ import annotations

import statistics
from dataclasses import dataclass

import numpy as np
import torch

from lrd_core.bench.rounds import interleave, median
from lrd_core.engine.experiment import RunSpec, check_run
from lrd_core.problems import Surface, get_problem
from lrd_core.swarm import basins, swarm

STARTS, STEPS = 10_000, 1000
LR, DROP_RATE = 0.05, 0.5
GRID = 256
ROUNDS = 5


@dataclass(frozen=True, slots=True)
class _Task:
    surface: Surface
    run: RunSpec


def _task() -> _Task:
    surface = get_problem("beale")
    if not isinstance(surface, Surface):
        raise TypeError("beale is a surface")
    given = {"optimizer": "adam", "settings": {"lr": LR}, "drop_rate": DROP_RATE}
    return _Task(surface, check_run(given, 0, surface.suggested_lr))


def _by_torch(surface: Surface, starts: torch.Tensor) -> None:
    """The loop a person would write: all starts as one parameter, torch's fused Adam, no mask."""
    position = torch.nn.Parameter(starts.clone())
    optimizer = torch.optim.Adam([position], lr=LR, fused=True)
    for _ in range(STEPS):
        optimizer.zero_grad()
        x, y = position.unbind(1)
        surface.value(x, y, torch).sum().backward()
        optimizer.step()


def surface_speedup(rounds: int = ROUNDS) -> float:
    """Time of the torch loop over ours: 10,000 starts on Beale, 1,000 steps of Adam, float32; ours
    with the mask of drop rate 0.5, and with the search for minima. Medians of interleaved rounds,
    all cores each."""
    task = _task()
    view = task.surface.view
    rng = np.random.default_rng(0)
    starts = np.stack([rng.uniform(*view.x, STARTS), rng.uniform(*view.y, STARTS)], axis=1)
    tensor = torch.tensor(starts, dtype=torch.float32)
    times = interleave(
        {
            "torch": lambda: _by_torch(task.surface, tensor),
            "swarm": lambda: swarm(task.surface, task.run, starts, STEPS, dtype="float32"),
        },
        rounds,
        warm_up=1,
    )
    return median(times, "torch") / median(times, "swarm")


def basin_256_s(rounds: int = ROUNDS) -> float:
    """Median seconds of one picture: 256 × 256 starts on Beale, 1,000 steps, drop rate 0.5, with
    curve, shares and median; the kernel is compiled before."""
    task = _task()
    times = interleave({"basins": lambda: basins(task.surface, task.run, GRID, STEPS)}, rounds)
    return statistics.median(times["basins"])


def measure() -> dict[str, float]:
    """`surface_speedup` and `basin_256_s`."""
    return {
        "surface_speedup": round(surface_speedup(), 1),
        "basin_256_s": round(basin_256_s(), 4),
    }
