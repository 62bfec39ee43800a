"""Loss and accuracy on data that training never sees."""

from __future__ import annotations

import torch

from lrd_core.problems.problem import Instance


def held_out(instance: Instance) -> dict[str, float]:
    """``test_loss`` (nats) and ``test_accuracy`` (0 to 1) of a task; empty for a surface."""
    with torch.no_grad():
        return instance.test()
