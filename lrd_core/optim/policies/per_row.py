"""One coin a row: all coordinates with the same index in dimension 0 share it.

A row of a linear layer's weight, or an output channel of a convolution's, is what feeds one neuron.
A tensor of one dimension has one element a row, so its mask is the element-wise one; a tensor of
none is one row. A coin's position is the row's index.

A structured variant of Lin et al. 2019, Learning rate dropout, arXiv:1912.00144.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from lrd_core.optim.policies.coins import along, single
from lrd_core.optim.policies.policy import Draw, Policy, ReferenceDraw
from lrd_core.optim.random_bits import keep_mask_numpy


def mask(draw: Draw) -> torch.Tensor:
    """Bernoulli(keep) for each index of dimension 0; broadcasts to the parameter's shape."""
    return along(draw, 0) if draw.before.ndim else single(draw, draw.tensor)


def reference(draw: ReferenceDraw) -> NDArray[np.bool_]:
    """The coin of row i at every [i, …]; the parameter's shape."""
    shape = draw.before.shape
    rows = keep_mask_numpy(draw.seed, draw.step, draw.tensor, shape[0] if shape else 1, draw.keep)
    return rows[np.indices(shape)[0]] if shape else rows.reshape(())


POLICY = Policy(
    name="per_row",
    label="per row",
    help="All coordinates of a row (dimension 0, e.g. an output neuron or channel) share a coin.",
    paper="a structured variant of Lin et al. 2019, Learning rate dropout, arXiv:1912.00144",
    unit="row",
    mask=mask,
    reference=reference,
)
