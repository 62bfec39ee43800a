"""The loss over a plane through parameter space, one evaluation at a time."""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from lrd_core.probes.point import Point, standing
from lrd_core.problems.problem import Instance
from lrd_core.seeds import generator
from lrd_core.settings import SettingError

#: Points a side, at most.
MOST = 128


@dataclass(frozen=True)
class Contour:
    """``z[i, j]`` is the loss at ``(x[j], y[i])``; float32, not finite where the loss is not."""

    x: NDArray[np.float32]
    y: NDArray[np.float32]
    z: NDArray[np.float32]


def contour(
    instance: Instance,
    directions: Sequence[torch.Tensor],
    x: Sequence[float] | NDArray[np.floating],
    y: Sequence[float] | NDArray[np.floating],
    centre: Point | None = None,
    at: tuple[float, float] = (0.0, 0.0),
) -> Generator[float, None, Contour]:
    """The fixed loss at θ = centre + (x − at₀) d₀ + (y − at₁) d₁.

    Args:
        instance: not one that trains: its parameters move meanwhile. They and its buffers have
            their bits of before once this has ended, closed early or not.
        directions: two, each flat with all parameters in turn: (2, n) or a pair of (n,).
        x, y: 2 to 128 coordinates each, finite.
        centre: None is where the instance stands.
        at: the centre's own coordinates.

    Yields:
        After each evaluation the share that is done; between two the caller may do what it likes.

    Raises:
        SettingError: at the first turn, coordinates or directions that don't fit.
    """
    across, up = _coordinates("x", x), _coordinates("y", y)
    first, second = (_split(d, instance.parameters) for d in _pair(directions))
    z = np.empty((len(up), len(across)), dtype=np.float32)
    with standing(instance, centre) as middle:
        for i, j in np.ndindex(z.shape):
            a, b = float(across[j]) - at[0], float(up[i]) - at[1]
            with torch.no_grad():
                places = zip(instance.parameters, middle.parameters, first, second, strict=True)
                for parameter, here, d, e in places:
                    parameter.copy_(here.add(d, alpha=a).add_(e, alpha=b))
                middle.put_buffers(instance)
                z[i, j] = float(instance.fixed_loss())
            yield (i * len(across) + j + 1) / z.size
    return Contour(across.astype(np.float32), up.astype(np.float32), z)


def random_directions(
    parameters: Sequence[torch.Tensor], seed: int, index: int = 0
) -> torch.Tensor:
    """Two filter-normalised random directions around a point: (2, n) in its dtype.

    Each filter of a Gaussian direction (a slice along a tensor's first dimension) is scaled to the
    norm of the same filter of the parameters; it is 0 along tensors of one dimension or none:
    biases and parameters of normalisation (Li et al. 2018, "Visualizing the loss landscape of
    neural nets", arXiv:1712.09913, section 4).

    Args:
        parameters: the point.
        seed, index: of the draw.
    """
    found = []
    for k in range(2):
        draws = generator(seed, f"contour direction {k}", index)
        parts = []
        for p in parameters:
            drawn = draws.standard_normal(tuple(p.shape), dtype=np.float32)
            d = torch.from_numpy(np.asarray(drawn)).to(p.device, p.dtype)
            parts.append(_filter_normalised(d, p.detach()).reshape(-1))
        found.append(torch.cat(parts))
    return torch.stack(found)


def _filter_normalised(d: torch.Tensor, p: torch.Tensor) -> torch.Tensor:
    if p.dim() < 2:
        return torch.zeros_like(p)
    dims = tuple(range(1, p.dim()))
    lengths = torch.linalg.vector_norm(d, dim=dims, keepdim=True)
    wanted = torch.linalg.vector_norm(p, dim=dims, keepdim=True)
    scaled: torch.Tensor = d * (wanted / lengths.clamp_min(torch.finfo(d.dtype).tiny))
    return scaled


def _coordinates(name: str, values: Sequence[float] | NDArray[np.floating]) -> NDArray[np.float64]:
    found = np.asarray(values, dtype=np.float64)
    if found.ndim != 1 or not 2 <= len(found) <= MOST or not np.isfinite(found).all():
        raise SettingError(name, found.tolist(), f"from 2 to {MOST} finite numbers")
    return found


def _pair(directions: Sequence[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    if len(directions) != 2:
        raise SettingError("directions", len(directions), "two of them")
    return directions[0], directions[1]


def _split(direction: torch.Tensor, parameters: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """A flat direction as tensors like the parameters."""
    sizes = [p.numel() for p in parameters]
    if direction.shape != (sum(sizes),):
        shape = list(direction.shape)
        raise SettingError("directions", shape, f"one flat number for each of {sum(sizes)}")
    parts = torch.split(direction.detach(), sizes)
    pairs = zip(parts, parameters, strict=True)
    return [part.view(p.shape).to(p.device, p.dtype) for part, p in pairs]


def window(
    places: NDArray[np.floating], count: int, margin: float = 0.15
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Coordinates of a contour that holds all finite places (N, 2) with a margin.

    Args:
        places: what is to be seen.
        count: points a side.
        margin: share of the extent to leave free on each side.
    """
    finite = places[np.isfinite(places).all(1)] if len(places) else places
    if not len(finite):
        return np.linspace(-1.0, 1.0, count), np.linspace(-1.0, 1.0, count)
    low, high = finite.min(0).astype(np.float64), finite.max(0).astype(np.float64)
    extent = np.maximum(high - low, 1e-3 * max(1.0, math.hypot(*high)))
    low, high = low - margin * extent, high + margin * extent
    return np.linspace(low[0], high[0], count), np.linspace(low[1], high[1], count)
