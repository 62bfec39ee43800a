"""Writes tests/fixtures/mask_bits.json: masks that ports of the hash to other languages must match.

Run ``python tests/lrd_core/optim/make_mask_fixture.py``. Integers that may pass 2⁵³ are strings.
"""

from __future__ import annotations

import json
from pathlib import Path

from lrd_core.optim.random_bits import keep_mask_numpy, key, threshold

PATH = Path(__file__).resolve().parents[2] / "fixtures" / "mask_bits.json"

#: (seed, step, tensor, numel, drop rate)
CASES = (
    (0, 1, 0, 64, 0.5),
    (0, 1, 3, 64, 0.5),
    (0, 1000, 0, 64, 0.5),
    (1, 1, 0, 64, 0.1),
    (42, 1000, 3, 130, 0.9),
    (42, 7, 1, 1, 0.5),
    (42, 7, 2, 0, 0.5),
    (-1, 1, 0, 64, 0.5),
    (2**32 + 5, 1, 0, 64, 0.25),
    (2**63 + 12345, 1000, 17, 64, 0.75),
    (7, 2**33, 2, 64, 0.5),
    (7, 3, 2, 64, 0.0),
    (7, 3, 2, 400, 0.999),
)


def text() -> str:
    """The file's content."""
    rows = []
    for seed, step, tensor, numel, drop_rate in CASES:
        mask = keep_mask_numpy(seed, step, tensor, numel, 1.0 - drop_rate)
        rows.append(
            {
                "seed": str(seed),
                "step": str(step),
                "tensor": tensor,
                "numel": numel,
                "drop_rate": drop_rate,
                "key": f"{key(seed, step, tensor):016x}",
                "threshold": threshold(1.0 - drop_rate),
                "bits": "".join("01"[int(kept)] for kept in mask),
            }
        )
    return json.dumps({"masks": rows}, indent=1) + "\n"


if __name__ == "__main__":
    PATH.parent.mkdir(parents=True, exist_ok=True)
    PATH.write_text(text(), encoding="utf-8")
