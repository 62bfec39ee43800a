"""Masked momentum, not LRD: the momentum itself is multiplied by the mask, in place.

A slip of a public replication (github.com/noahgolmant/pytorch-lr-dropout, class ``SGDLRD``) of
Lin et al. 2019, Learning rate dropout, arXiv:1912.00144, kept to be looked at: its update is the
momentum buffer and not a copy of it, so that a dropped coordinate forgets all gradients it has
seen. The masks are the element-wise ones. With a constant gradient and momentum μ the mean step is
keep / (1 − keep · μ) gradients, where Learning Rate Dropout has keep / (1 − μ).

The momentum is what the base optimizer holds after its step: ``exp_avg``, ``momentum_buffer``, or a
rule's ``m`` or ``b``. Without one it is the element-wise policy. The published code spares the
buffer with Nesterov's form, which is masked here too.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from lrd_core.optim.policies.coins import coordinates
from lrd_core.optim.policies.gradients import MOMENTA, dense, momentum
from lrd_core.optim.policies.policy import Draw, Policy, ReferenceDraw
from lrd_core.optim.random_bits import keep_mask_numpy


def mask(draw: Draw) -> torch.Tensor:
    """A coin for each coordinate; the parameter's shape. Zeroes the momentum where it drops."""
    kept = coordinates(draw)
    g = dense(draw.gradient)
    held = momentum(draw, g)
    if held is not g:
        held.masked_fill_(~kept, 0)
    return kept


def reference(draw: ReferenceDraw) -> NDArray[np.bool_]:
    """The same in NumPy, by multiplication."""
    p = draw.before
    kept = keep_mask_numpy(draw.seed, draw.step, draw.tensor, p.size, draw.keep).reshape(p.shape)
    held = next((draw.state[name] for name in MOMENTA if name in draw.state), None)
    if held is not None:
        held *= kept
    return kept


POLICY = Policy(
    name="masked_momentum",
    label="masked momentum (not LRD)",
    help="Not LRD but a known slip: what is dropped also loses its momentum.",
    paper="a slip of a public replication of Lin et al. 2019, Learning rate dropout, "
    "arXiv:1912.00144",
    mask=mask,
    reference=reference,
)
