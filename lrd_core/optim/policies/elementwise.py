"""Learning Rate Dropout as published: an independent coin for every coordinate."""

from __future__ import annotations

import torch

from lrd_core.optim.policies.policy import Draw, Policy
from lrd_core.optim.random_bits import keep_mask


def mask(draw: Draw) -> torch.Tensor:
    """Bernoulli(keep) for each coordinate, by its row-major index."""
    p = draw.parameter
    return keep_mask(draw.seed, draw.step, draw.tensor, p.numel(), draw.keep, p.device).view(
        p.shape
    )


POLICY = Policy(
    name="elementwise",
    label="element-wise",
    help="Every coordinate of every tensor has its own coin (Lin et al. 2019, Learning Rate "
    "Dropout).",
    mask=mask,
)
