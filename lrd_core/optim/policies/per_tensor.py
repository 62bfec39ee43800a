"""One coin a parameter tensor: its whole update is kept or left out.

SkipUpdate of Joo et al. 2026, On surprising effectiveness of masking updates in adaptive
optimizers, arXiv:2602.15322, with tensors as its blocks; they divide kept updates by keep, which is
``rescale`` here. The coin is that of the tensor's position 0.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from lrd_core.optim.policies.coins import single
from lrd_core.optim.policies.policy import Draw, Policy, ReferenceDraw
from lrd_core.optim.random_bits import keep_mask_numpy


def mask(draw: Draw) -> torch.Tensor:
    """Bernoulli(keep), shape ()."""
    return single(draw, draw.tensor)


def reference(draw: ReferenceDraw) -> NDArray[np.bool_]:
    """The tensor's coin everywhere; the parameter's shape."""
    coin = keep_mask_numpy(draw.seed, draw.step, draw.tensor, 1, draw.keep)[0]
    return np.full(draw.before.shape, coin)


POLICY = Policy(
    name="per_tensor",
    label="per tensor",
    help="Every parameter tensor has one coin: its whole update is kept or left out.",
    paper="Joo et al. 2026, On surprising effectiveness of masking updates in adaptive optimizers, "
    "arXiv:2602.15322 (SkipUpdate)",
    unit="tensor",
    fused="update",
    mask=mask,
    reference=reference,
)
