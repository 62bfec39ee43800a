"""What a step of an engine is asked for, and for which parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from lrd_core.optim import random_bits
from lrd_core.optim.policies import Policy
from lrd_core.optim.stepping.shards import Place


@dataclass(frozen=True, slots=True)
class Request:
    """What a step is to do, the same for all tensors.

    Attributes:
        seed, step: of the masks; `step` counts from 1.
        policy: one whose `fused` is set.
        rescale: kept updates (or gradients) are divided by keep.
        statistics: measure.
        kernel: ``"auto"``, ``"compiled"`` or ``"torch"``, see `LRD`.
        captured: the step is being captured in a CUDA graph.
        found_inf, grad_scale: of GradScaler, float32 with one element: the device leaves the step
            out unless `found_inf` is 0, and divides gradients by `grad_scale`.
    """

    seed: int
    step: int
    policy: Policy
    rescale: bool
    statistics: bool
    kernel: str
    captured: bool = False
    found_inf: torch.Tensor | None = None
    grad_scale: torch.Tensor | None = None


@dataclass(slots=True)
class Member:
    """A parameter that an engine can step."""

    index: int
    parameter: torch.Tensor
    place: Place
    offset: int


def coin_limits(
    request: Request, rates: Sequence[float], indices: Sequence[int]
) -> NDArray[np.int64]:
    """How many of the 2³² hash values each tensor keeps."""
    if request.policy.unit in ("tensor", "step"):
        whole = 1 << 32
        return np.array(
            [
                whole
                * random_bits.kept(
                    request.seed,
                    request.step,
                    0 if request.policy.unit == "step" else j,
                    0,
                    1.0 - rates[j],
                )
                for j in indices
            ],
            dtype=np.int64,
        )
    limits: dict[float, int] = {}
    for j in indices:
        rate = rates[j]
        if rate not in limits:
            limits[rate] = random_bits.threshold(1.0 - rate)
    return np.array([limits[rates[j]] for j in indices], dtype=np.int64)
