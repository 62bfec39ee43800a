"""What torch's own optimizers are given beside the settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from lrd_core.settings import Value


def adam_options(settings: Mapping[str, Value]) -> dict[str, Any]:
    """Settings under their own names, except ``betas``, torch's pair of beta1 and beta2."""
    others = {name: value for name, value in settings.items() if name not in ("beta1", "beta2")}
    return {**others, "betas": (settings["beta1"], settings["beta2"])}


def fused(parameters: Sequence[torch.Tensor]) -> bool:
    """Whether torch's fused step can take these: one pass, a third of the for-loop's time."""
    return all(p.device.type in ("cpu", "cuda") and p.is_floating_point() for p in parameters)
