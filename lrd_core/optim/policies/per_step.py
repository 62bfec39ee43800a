"""One coin a step, for all tensors together: a control.

It has the mean update of element-wise masks, but all coordinates move together or not at all: what
differs from Lin et al. 2019, Learning rate dropout, arXiv:1912.00144, is due to their
diversity. The coin is that of position 0 of tensor 0. Groups with different drop rates compare the
same hash with thresholds of their own: a group with a lower rate moves whenever one with a higher
rate does.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from lrd_core.optim.policies.coins import single
from lrd_core.optim.policies.policy import Draw, Policy, ReferenceDraw
from lrd_core.optim.random_bits import keep_mask_numpy


def mask(draw: Draw) -> torch.Tensor:
    """Bernoulli(keep), shape (), the same for every tensor."""
    return single(draw, 0)


def reference(draw: ReferenceDraw) -> NDArray[np.bool_]:
    """The step's coin everywhere; the parameter's shape."""
    coin = keep_mask_numpy(draw.seed, draw.step, 0, 1, draw.keep)[0]
    return np.full(draw.before.shape, coin)


POLICY = Policy(
    name="per_step",
    label="per step",
    help="One coin for the whole step. A control: the same mean update, no diversity.",
    paper="a control for Lin et al. 2019, Learning rate dropout, arXiv:1912.00144",
    unit="step",
    fused="update",
    mask=mask,
    reference=reference,
)
