"""The plane that explains most variance of all runs' paths: exact PCA of points on them.

A run's every step is drawn in the newest plane from its sketch alone, by a linear map that is
fitted on the points; parameters aren't needed again.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from lrd_core.probes.sampling import Sample

#: Variance along the second axis over that along the first, below which there is no plane.
_FLAT = 1e-12
#: How much more variance the second axis must hold before the two change places.
_CLEARLY = 1.5
#: Ridge of the fitted map, in units of the sketch's mean square.
_RIDGE = 1e-6


@dataclass(frozen=True)
class Plane:
    """Two orthonormal directions and how to place points on them. Places are ⟨θ − θ₀, d⟩: every
    run begins at (0, 0), in every plane.

    Attributes:
        points: how many it was fitted on.
        explained: share of the points' variance along each axis.
        directions: float32 (2, coordinates looked at).
        sketch_map: float64 (16, 2): a sketch times it is a place.
        r2: of that map along each axis, every point being left out of its own fit.
        sample: which coordinates were looked at; the directions are 0 along all others.
    """

    points: int
    explained: tuple[float, float]
    directions: NDArray[np.float32]
    sketch_map: NDArray[np.float64]
    r2: tuple[float, float]
    sample: Sample

    def place(self, sketches: NDArray[np.floating]) -> NDArray[np.float64]:
        """Places (…, 2) of sketches (…, 16)."""
        places: NDArray[np.float64] = np.asarray(sketches, dtype=np.float64) @ self.sketch_map
        return places

    def project(self, moved: NDArray[np.floating]) -> NDArray[np.float64]:
        """Exact places (…, 2) of θ − θ₀ (…, n)."""
        seen = moved[..., self.sample.first :: self.sample.stride]
        places: NDArray[np.float64] = seen.astype(np.float64) @ self.directions.T
        return places

    def lifted(self) -> torch.Tensor:
        """The directions among all parameters: float32 (2, n)."""
        whole = torch.zeros(2, self.sample.numel)
        whole[:, self.sample.first :: self.sample.stride] = torch.from_numpy(self.directions)
        return whole


def fit(
    moved: NDArray[np.float32],
    gram: NDArray[np.float64],
    sketches: NDArray[np.float64],
    chosen: Sample,
    before: Plane | None,
) -> Plane | None:
    """The plane of points; None while they lie on a line or are fewer than three.

    Args:
        moved: θ − θ₀ of each point at the coordinates looked at, (N, m).
        gram: their inner products, (N, N).
        sketches: (N, 16).
        chosen: the coordinates.
        before: the plane before; axes keep their names and signs as far as they are the same.
    """
    if len(gram) < 3:
        return None
    mean = gram.mean(0)
    centred = gram - mean - mean[:, None] + mean.mean()
    values, vectors = np.linalg.eigh(centred)
    total = float(np.trace(centred))
    values, vectors = values[:-3:-1], vectors[:, :-3:-1]
    if not values[1] > _FLAT * values[0]:
        return None
    # Weights (N, 2) of the points in each direction; they add up to 0, as centring wants.
    weights = vectors / np.sqrt(values)
    directions = weights.T.astype(np.float32) @ moved
    places = gram @ weights
    order, signs = _aligned(directions, values, places, before)
    directions = directions[order] * signs[:, None].astype(np.float32)
    places, values = places[:, order] * signs, values[order]
    sketch_map, r2 = _sketch_map(sketches, places)
    return Plane(
        points=len(gram),
        explained=(float(values[0] / total), float(values[1] / total)),
        directions=directions,
        sketch_map=sketch_map,
        r2=r2,
        sample=chosen,
    )


def _aligned(
    directions: NDArray[np.float32],
    values: NDArray[np.float64],
    places: NDArray[np.float64],
    before: Plane | None,
) -> tuple[list[int], NDArray[np.float64]]:
    """Order and signs of the axes: those of the plane before, else the larger first, and the
    farthest place positive."""
    if before is None:
        farthest = np.abs(places).argmax(0)
        return [0, 1], np.where(places[farthest, [0, 1]] < 0, -1.0, 1.0)
    cosines = before.directions @ directions.T
    fit_straight, fit_crossed = np.abs(cosines).trace(), np.abs(cosines[:, ::-1]).trace()
    # Components that have crossed keep their axes, until the second is clearly the larger.
    crossed = fit_crossed > fit_straight and values[0] < _CLEARLY * values[1]
    order = [1, 0] if crossed else [0, 1]
    along = cosines[[0, 1], order]
    if not crossed and fit_crossed > fit_straight:
        # They change places now: each keeps its own sign.
        along = cosines[[1, 0], order]
    return order, np.where(along < 0, -1.0, 1.0)


def _sketch_map(
    sketches: NDArray[np.float64], places: NDArray[np.float64]
) -> tuple[NDArray[np.float64], tuple[float, float]]:
    """Least squares with a little ridge. There is no offset: both sides are 0 at θ₀."""
    square = sketches.T @ sketches
    ridge = _RIDGE * float(np.trace(square)) / len(square) + np.finfo(np.float64).tiny
    inverse = np.linalg.inv(square + ridge * np.eye(len(square)))
    found = inverse @ (sketches.T @ places)
    # Errors as if each point had been left out (PRESS): e / (1 − leverage).
    leverage = np.einsum("ij,jk,ik->i", sketches, inverse, sketches)
    errors = (places - sketches @ found) / np.maximum(1 - leverage, 1e-9)[:, None]
    spread = ((places - places.mean(0)) ** 2).sum(0)
    r2 = 1 - (errors**2).sum(0) / spread
    return found, (float(r2[0]), float(r2[1]))
