"""Momentum-aligned selection: keeps the coordinates whose momentum agrees most with the gradient.

Chang and Yuan 2025, MGUP: a momentum-gradient alignment update policy for stochastic optimization,
NeurIPS 2025, arXiv:2606.17526. Of n coordinates of a tensor the ⌊keep · n⌋ with the largest
momentum · gradient are kept, at least one; no coin. Of equal products the one at the lower position
is kept first, NaN counts as the smallest. In the paper's words keep is τ, ``rescale`` gives the
kept updates their factor 1/τ, and the others get the factor `rest` (τ in the paper, 0 by default).

The momentum is what the base optimizer holds after its step, uncorrected for bias: ``exp_avg``,
``momentum_buffer``, or a rule's ``m`` or ``b``. Without one the gradient takes its place, and the
largest gradients are kept. Of a shard, the choice is made within the shard.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray

from lrd_core.optim.policies.gradients import MOMENTA, dense, momentum
from lrd_core.optim.policies.policy import Draw, Policy, ReferenceDraw
from lrd_core.settings import Setting


def count(keep: float, numel: int) -> int:
    """⌊keep · numel⌋, from 1 to `numel`; keep = 1 − 0.9 of 100 is 10, though a little below 0.1."""
    return min(numel, max(1, math.floor(keep * numel * (1 + 1e-12))))


def mask(draw: Draw) -> torch.Tensor:
    """The most aligned coordinates; the parameter's shape."""
    g = dense(draw.gradient)
    scores = _alignment(momentum(draw, g), g).reshape(-1)
    kept = count(draw.keep, scores.numel())
    if kept == scores.numel():
        return torch.ones_like(g, dtype=torch.bool)
    scores = torch.where(scores.isnan(), -math.inf, scores)
    # The least product that is kept; without its index, which is not determined among equals.
    least = torch.kthvalue(scores, scores.numel() - kept + 1).values
    above, equal = scores > least, scores == least
    return (above | (equal & (equal.cumsum(0) <= kept - above.sum()))).view(g.shape)


def _alignment(m: torch.Tensor, g: torch.Tensor) -> torch.Tensor:
    """m · g, in float32 at least: small products of half precision would all be 0."""
    if g.is_complex():
        return (m * g.conj()).real
    dtype = torch.promote_types(torch.promote_types(m.dtype, g.dtype), torch.float32)
    return m.to(dtype) * g.to(dtype)


def reference(draw: ReferenceDraw) -> NDArray[np.bool_]:
    """The same by a stable sort; the parameter's shape."""
    g = draw.gradient
    m = next((draw.state[name] for name in MOMENTA if name in draw.state), g)
    order = np.argsort(-(m * g).ravel(), kind="stable")
    chosen = np.zeros(g.size, dtype=np.bool_)
    chosen[order[: count(draw.keep, g.size)]] = True
    return chosen.reshape(g.shape)


POLICY = Policy(
    name="momentum_aligned",
    label="momentum-aligned",
    help="Keeps the coordinates whose momentum agrees most with the gradient; no coin.",
    paper="Chang and Yuan 2025, MGUP: a momentum-gradient alignment update policy for stochastic "
    "optimization, NeurIPS 2025, arXiv:2606.17526",
    mask=mask,
    settings=(
        Setting(
            "rest",
            0.0,
            0.0,
            1.0,
            label="rest",
            help="Factor of the updates that are left out; the paper takes the share kept.",
        ),
    ),
    reference=reference,
)
