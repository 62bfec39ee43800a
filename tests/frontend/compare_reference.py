"""What NumPy and SciPy say of the statistics that the Compare page computes in the browser.

``python -m tests.frontend.compare_reference`` writes the file that the tests of the page read.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

FILE = Path(__file__).parents[2] / "frontend/live/tests/state/compare/reference.json"
DEGREES = [1, 1.3, 2, 2.5, 3, 4, 7.7, 10, 30, 100, 1000, 100_000]


def reference() -> dict[str, Any]:
    """Inputs and results, as JSON holds them."""
    draws = np.random.default_rng(11)
    a, b = draws.normal(2, 1, 6), draws.normal(1.5, 3, 5)
    groups = [draws.normal(k, 0.5 + k, size) for k, size in enumerate((1, 3, 4))]
    joined = np.concatenate(groups)
    curve = draws.normal(size=40)
    curve[7] = np.nan
    x = np.sort(draws.uniform(0, 10, 12))
    at = draws.uniform(x[0], x[-1], 9)
    welch = stats.ttest_ind(a, b, equal_var=False).confidence_interval()
    paired = stats.ttest_rel(a[:5], b).confidence_interval()
    own = stats.t.interval(0.95, len(a) - 1, a.mean(), stats.sem(a))
    return {
        "quantiles": [[d, stats.t.ppf(0.975, d)] for d in DEGREES],
        "a": a.tolist(),
        "b": b.tolist(),
        "interval": [*own],
        "welch": [welch.low, welch.high],
        "paired": [paired.low, paired.high],
        "groups": [group.tolist() for group in groups],
        "pooled": {"n": len(joined), "mean": joined.mean(), "sd": joined.std(ddof=1)},
        "curve": [None if np.isnan(v) else v for v in curve],
        "smoothed": [
            None if np.isnan(v) else float(np.nanmean(curve[max(0, i - 4) : i + 1]))
            for i, v in enumerate(curve)
        ],
        "x": x.tolist(),
        "y": np.sin(x).tolist(),
        "at": at.tolist(),
        "interpolated": np.interp(at, x, np.sin(x)).tolist(),
    }


def main() -> None:
    """Write the file."""
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_text(json.dumps(reference(), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
