"""One coin a column: all coordinates with the same index in dimension 1 share it.

A column of a linear layer's weight, or an input channel of a convolution's, is what one input
feeds. A tensor of one dimension counts as a single row, as in broadcasting: every element is its
own column, so its mask is the element-wise one; a tensor of no dimension is one column. A coin's
position is the column's index.

Column-wise masks: Joo et al. 2026, On surprising effectiveness of masking updates in adaptive
optimizers, arXiv:2602.15322, section 2; with a coordinate's own coin it is Lin et al. 2019,
arXiv:1912.00144.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from lrd_core.optim.policies.coins import along, single
from lrd_core.optim.policies.policy import Draw, Policy, ReferenceDraw
from lrd_core.optim.random_bits import keep_mask_numpy


def mask(draw: Draw) -> torch.Tensor:
    """Bernoulli(keep) for each index of dimension 1; broadcasts to the parameter's shape."""
    if not draw.before.ndim:
        return single(draw, draw.tensor)
    return along(draw, min(1, draw.before.ndim - 1))


def reference(draw: ReferenceDraw) -> NDArray[np.bool_]:
    """The coin of column j at every [·, j, …]; the parameter's shape."""
    matrix = np.atleast_2d(draw.before)
    columns = keep_mask_numpy(draw.seed, draw.step, draw.tensor, matrix.shape[1], draw.keep)
    shared: NDArray[np.bool_] = columns[np.indices(matrix.shape)[1]]
    return shared.reshape(draw.before.shape)


POLICY = Policy(
    name="per_column",
    label="per column",
    help="All coordinates of a column (dimension 1, e.g. an input neuron or channel) share a coin.",
    paper="Joo et al. 2026, On surprising effectiveness of masking updates in adaptive optimizers, "
    "arXiv:2602.15322 (column-wise masks)",
    unit="column",
    mask=mask,
    reference=reference,
)
