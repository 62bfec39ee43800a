"""Cautious: leaves out updates that do not point against the gradient.

Liang et al. 2024, Cautious optimizers: improving training with one line of code, arXiv:2411.16085.
A coordinate with Δ · g ≥ 0 is left out with probability drop rate, by its element-wise coin; one
with Δ · g < 0 is always kept. Drop rate 0 is the base optimizer, a drop rate next to 1 (such as
1 − 1e-10, where the coin's threshold rounds to 0) the published method.

``rescale`` multiplies kept updates by 1 / max(share kept, 0.001), as the authors do; the share is
that of the tensor, or of the shard. Δ is the base's whole update as it is stored: decoupled
weight decay counts in it and is left out with it, while the authors decay every coordinate.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from lrd_core.optim.policies.coins import coordinates
from lrd_core.optim.policies.gradients import dense
from lrd_core.optim.policies.policy import Draw, Policy, ReferenceDraw
from lrd_core.optim.random_bits import keep_mask_numpy

#: Least share kept that rescaling reckons with; the authors' bound.
_LEAST_SHARE = 1e-3


def mask(draw: Draw) -> torch.Tensor:
    """Against the gradient, or kept by its coin; the parameter's shape."""
    return _against(draw).logical_or_(coordinates(draw))


def _against(draw: Draw) -> torch.Tensor:
    """Whether Δ · g < 0, by signs: a product could underflow."""
    g = dense(draw.gradient)
    if g.is_complex():
        return ((draw.after - draw.before) * g.conj()).real < 0
    down, up = draw.after < draw.before, draw.after > draw.before
    return (down & (g > 0)).logical_or_(up & (g < 0))


def scale(draw: Draw, mask: torch.Tensor) -> torch.Tensor:
    """1 / max(share kept, 0.001), shape (); stays on the device."""
    wide = draw.before.dtype in (torch.float64, torch.complex128)
    kept = mask.sum().to(torch.float64 if wide else torch.float32)
    return (kept / max(mask.numel(), 1)).clamp_(min=_LEAST_SHARE).reciprocal_()


def reference(draw: ReferenceDraw) -> NDArray[np.bool_]:
    """The same by NumPy's signs; the parameter's shape."""
    g = draw.gradient
    coins = keep_mask_numpy(draw.seed, draw.step, draw.tensor, g.size, draw.keep)
    against = np.sign(draw.after - draw.before) * np.sign(g) < 0
    return np.asarray(against | coins.reshape(g.shape))


def reference_scale(draw: ReferenceDraw, mask: NDArray[np.bool_]) -> float:
    """1 / max(share kept, 0.001)."""
    return 1.0 / max(float(np.mean(mask)), 1e-3) if mask.size else 1.0


POLICY = Policy(
    name="cautious",
    label="cautious",
    help="Leaves out, with the drop rate's probability, updates that don't point against the "
    "gradient.",
    paper="Liang et al. 2024, Cautious optimizers: improving training with one line of code, "
    "arXiv:2411.16085",
    mask=mask,
    scale=scale,
    reference=reference,
    reference_scale=reference_scale,
)
