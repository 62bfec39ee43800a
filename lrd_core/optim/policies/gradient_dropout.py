"""Gradient dropout: the gradient is masked before the moments see it.

The control of Lin et al. 2019, Learning rate dropout, arXiv:1912.00144. The masks are the
element-wise ones. With momentum a dropped coordinate still moves, and its moments decay towards
zero. Weight decay comes after the mask: it reaches every coordinate. ``rescale`` divides kept
gradients by keep, so that the gradient's mean is unchanged; an optimizer that divides by the root
mean square takes most of that factor out again.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from lrd_core.optim.policies.coins import coordinates, strides
from lrd_core.optim.policies.policy import Draw, Policy, ReferenceDraw
from lrd_core.optim.random_bits import keep_at, keep_mask_numpy


def gradient(draw: Draw) -> torch.Tensor:
    """The gradient where its coin is kept, else 0; layout (dense or sparse) as given."""
    g = draw.gradient
    if draw.keep >= 1:
        return g
    if g.layout == torch.sparse_coo:
        g = g.coalesce()
        values = _dropped(draw, g.values(), _mask_of_values(draw, g))
        return torch.sparse_coo_tensor(
            g.indices(), values, g.shape, is_coalesced=True, check_invariants=False
        )
    return _dropped(draw, g, coordinates(draw))


def _dropped(draw: Draw, g: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    kept = g / draw.keep if draw.settings.get("rescale") else g
    # Selected, not multiplied: an infinity that is dropped must not leave NaN.
    return torch.where(mask, kept, torch.zeros_like(g))


def _mask_of_values(draw: Draw, g: torch.Tensor) -> torch.Tensor:
    """Coins of a sparse gradient's values (stored elements, dense dimensions)."""
    places = torch.zeros_like(g.indices()[0])
    for d, stride in enumerate(strides(draw.shape)):
        if d < g.sparse_dim():
            places = places + (g.indices()[d] + draw.start[d]) * stride
        else:
            inner = draw.start[d] + torch.arange(g.shape[d], device=places.device)
            places = places.unsqueeze(-1) + inner * stride
    return keep_at(draw.seed, draw.step, draw.tensor, places, draw.keep)


def reference(draw: ReferenceDraw) -> NDArray[np.float64]:
    """The same by multiplication; for finite gradients."""
    g = draw.gradient
    coins = keep_mask_numpy(draw.seed, draw.step, draw.tensor, g.size, draw.keep)
    factor = 1.0 / draw.keep if draw.settings["rescale"] else 1.0
    return g * (coins.astype(np.float64) * factor).reshape(g.shape)


POLICY = Policy(
    name="gradient_dropout",
    label="gradient dropout",
    help="Masks the gradient before the moments instead of the update after them. A control.",
    paper="Lin et al. 2019, Learning rate dropout, arXiv:1912.00144 (its control)",
    unit="coordinate",
    fused="gradient",
    gradient=gradient,
    reference=reference,
)
