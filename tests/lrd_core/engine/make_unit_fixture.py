"""Writes tests/fixtures/unit_masks.json: masks of every policy that is coins alone.

The browser draws the same ones. Run ``python -m tests.lrd_core.engine.make_unit_fixture``.
"""

from __future__ import annotations

import json
from pathlib import Path

import torch

from lrd_core.optim.policies import POLICIES, Draw

PATH = Path(__file__).resolve().parents[2] / "fixtures" / "unit_masks.json"

SEED = 42
#: (shape, step, tensor, drop rate)
CASES = (
    ((6, 5), 1, 0, 0.5),
    ((6, 5), 7, 3, 0.5),
    ((4, 3, 2, 2), 7, 2, 0.4),
    ((12,), 7, 1, 0.5),
    ((), 2, 1, 0.5),
)


def text() -> str:
    """The file's content."""
    rows = []
    policies = [policy for policy in POLICIES.values() if policy.unit and policy.mask]
    for policy in sorted(policies, key=lambda policy: policy.name):
        for shape, step, tensor, drop_rate in CASES:
            p = torch.zeros(shape)
            start = (0,) * len(shape)
            mask = policy.mask(Draw(SEED, step, tensor, 1 - drop_rate, shape, start, p, p, p))
            bits = torch.broadcast_to(mask, shape).reshape(-1).tolist()
            rows.append(
                {
                    "unit": policy.unit,
                    "seed": SEED,
                    "step": step,
                    "tensor": tensor,
                    "shape": list(shape),
                    "drop_rate": drop_rate,
                    "bits": "".join("01"[int(kept)] for kept in bits),
                }
            )
    return json.dumps({"masks": rows}, indent=1) + "\n"


if __name__ == "__main__":
    PATH.write_text(text(), encoding="utf-8")
