"""Gradient noise: independent Gaussian noise on every coordinate of the gradient, a control.

Neelakantan et al. 2015, Adding gradient noise improves learning for very deep networks,
arXiv:1511.06807; the variance is not theirs, which decays with the step, but that of rescaled
gradient dropout, averaged over the tensor: dropping a gradient g with probability 1 − keep and
dividing it by keep otherwise has variance (1 − keep)/keep · g². So σ² = (1 − keep)/keep · mean(g²),
and the setting `scale` multiplies σ.

The noise is additive and the same in all directions, so it also moves coordinates whose gradient is
zero, which no mask can do: from a saddle's ridge it always escapes. The mean gradient is unchanged,
whatever ``rescale`` says.

Numbers come from `lrd_core.optim.random_bits.normal` under ``derive(seed, "gradient noise")``, by
position in the whole parameter. Of a shard, mean(g²) is that of the shard. A complex coordinate
has noise of equal variance on its real and imaginary part, at the positions of
`torch.view_as_real`. A sparse gradient becomes dense, since all coordinates get noise.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray

from lrd_core.optim.policies.coins import positions
from lrd_core.optim.policies.gradients import dense
from lrd_core.optim.policies.policy import Draw, Policy, ReferenceDraw
from lrd_core.optim.random_bits import derive, normal, normal_at, normal_numpy
from lrd_core.settings import Setting

_PURPOSE = "gradient noise"


def gradient(draw: Draw) -> torch.Tensor:
    """g + σ · z, in the gradient's dtype; g itself where σ is 0 by the settings."""
    factor = float(draw.settings["scale"]) * math.sqrt((1 - draw.keep) / draw.keep)
    if factor == 0:
        return draw.gradient
    g = dense(draw.gradient)
    if g.is_complex():
        real = torch.view_as_real(g.resolve_conj())
        return torch.view_as_complex(_noisy(draw, real, (*draw.shape, 2), (*draw.start, 0), factor))
    return _noisy(draw, g, draw.shape, draw.start, factor)


def _noisy(
    draw: Draw, g: torch.Tensor, shape: tuple[int, ...], start: tuple[int, ...], factor: float
) -> torch.Tensor:
    """`g` is real, the part of a tensor of this shape that begins at `start`."""
    dtype = torch.float64 if g.dtype == torch.float64 else torch.float32
    rms: torch.Tensor = torch.linalg.vector_norm(g, dtype=dtype) / math.sqrt(max(g.numel(), 1))
    where = positions(shape, start, tuple(g.shape), g.device)
    seed = derive(draw.seed, _PURPOSE)
    if isinstance(where, torch.Tensor):
        z = normal_at(seed, draw.step, draw.tensor, where, dtype)
    else:
        z = normal(seed, draw.step, draw.tensor, len(where), g.device, dtype, where.start)
    return (g + z.view(g.shape) * (rms * factor)).to(g.dtype)


def reference(draw: ReferenceDraw) -> NDArray[np.float64]:
    """g + σ · z."""
    g = draw.gradient
    if g.size == 0:
        return g
    variance = (1 - draw.keep) / draw.keep * np.mean(g * g)
    z = normal_numpy(derive(draw.seed, _PURPOSE), draw.step, draw.tensor, g.size).reshape(g.shape)
    return np.asarray(g + float(draw.settings["scale"]) * np.sqrt(variance) * z)


POLICY = Policy(
    name="gradient_noise",
    label="gradient noise",
    help="Adds Gaussian noise with the variance of rescaled gradient dropout. A control.",
    paper="Neelakantan et al. 2015, Adding gradient noise improves learning for very deep "
    "networks, arXiv:1511.06807",
    gradient=gradient,
    settings=(
        Setting(
            "scale",
            1.0,
            0.0,
            100.0,
            label="noise scale",
            help="Factor of the noise's standard deviation; 1 has the variance of gradient "
            "dropout.",
        ),
    ),
    reference=reference,
)
