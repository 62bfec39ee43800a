"""Learning Rate Dropout as published: an independent coin for every coordinate.

Lin, Zeng, Zhang and Pu 2019, Learning rate dropout, arXiv:1912.00144.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lrd_core.optim.policies.coins import coordinates
from lrd_core.optim.policies.policy import Policy, ReferenceDraw
from lrd_core.optim.random_bits import keep_mask_numpy


def reference(draw: ReferenceDraw) -> NDArray[np.bool_]:
    """Bernoulli(keep) for each coordinate, by its row-major position; the parameter's shape."""
    p: NDArray[Any] = draw.before
    return keep_mask_numpy(draw.seed, draw.step, draw.tensor, p.size, draw.keep).reshape(p.shape)


POLICY = Policy(
    name="elementwise",
    label="element-wise",
    help="Every coordinate of every tensor has its own coin.",
    paper="Lin et al. 2019, Learning rate dropout, arXiv:1912.00144",
    unit="coordinate",
    fused="update",
    mask=coordinates,
    reference=reference,
)
