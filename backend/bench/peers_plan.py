"""How much is measured of each tool, and the names of the figures."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

RUNS = 20
#: Steps that a run has before others are logged.
FEW = 100
#: A line is complete from so many points on: trackio keeps 126 of each of 20 lines, TensorBoard a
#: thousand.
POINTS = 100
#: The same of ours, which has the overview of a long past.
OUR_POINTS = 400
#: Seconds until a page that was opened is at rest.
REST_S = 3.0


@dataclass(frozen=True)
class Plan:
    """Steps, rounds and seconds."""

    sizes: tuple[int, ...] = (2000, 100_000)
    #: Times that a page of 2,000 steps is opened.
    rounds: int = 2
    #: Seconds after which a page that is not complete is given up.
    limit_s: float = 60.0
    #: Between two steps that are watched.
    pause_s: float = 0.1
    latency_s: float = 15.0
    frames_s: float = 10.0
    #: Steps whose log calls are timed, and the seconds between two.
    calls: int = 200
    pause_cost_s: float = 0.01

    #: How often a page that looks for new rows now and then must have looked.
    looks: int = 2

    def seconds(self, period_s: float) -> float:
        """How long a page that looks every `period_s` is watched for its latency."""
        return max(self.latency_s, self.looks * period_s + 3)

    @staticmethod
    def opening(
        steps: int, seconds: Sequence[float], points: Sequence[int]
    ) -> dict[str, float | int]:
        """The figures of opening, the median of the rounds."""
        name = f"open_{steps // 1000}k"
        return {
            f"{name}_s": round(statistics.median(seconds), 2),
            f"{name}_points": min(points),
        }


SHORT = Plan(sizes=(2000, 20_000), rounds=1, limit_s=25.0, latency_s=8.0, calls=100, looks=1)


def keys(plan: Plan) -> list[str]:
    """The rows of the table, in order."""
    opening = [f"open_{steps // 1000}k_s" for steps in plan.sizes]
    latency = ["latency_p50_ms", "latency_p95_ms", "frames_per_s", "longest_gap_ms"]
    return [*opening, *latency, *(f"log_call_{which}_us" for which in ("p50", "p99", "mean"))]


def told(name: str, unit: str, values: ArrayLike, percents: Sequence[int]) -> dict[str, float]:
    """``NAME_pPERCENT_UNIT`` of the values; nothing of none."""
    found = np.asarray(values, float)
    if not found.size:
        return {}
    return {f"{name}_p{p}_{unit}": round(float(np.percentile(found, p)), 1) for p in percents}


def calls(us: ArrayLike) -> dict[str, float]:
    """The figures of log calls, microseconds; the mean tells what the training pays in all."""
    return told("log_call", "us", us, (50, 99)) | {
        "log_call_mean_us": round(float(np.asarray(us, float).mean()), 1)
    }


def best(rows: Sequence[str], tools: dict[str, dict[str, Any]]) -> dict[str, str]:
    """Of each row the tool with the best figure: most frames a second, least of all else."""
    found = {}
    for row in rows:
        values = {name: one[row] for name, one in tools.items() if one.get(row) is not None}
        if values:
            pick = max if row == "frames_per_s" else min
            found[row] = pick(values, key=values.__getitem__)
    return found
