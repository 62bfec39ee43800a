"""Minima and saddles of a function of two coordinates, found from a grid of starts."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from lrd_core.problems.problem import Point

Array = NDArray[np.float64]
Value = Callable[[Any, Any, Any], Any]
Kind = Literal["minimum", "local minimum", "saddle"]

#: Starts a side, steps of Newton's method.
SIDE = 48
STEPS = 40
#: Steps of the search for minima without a gradient: one that creeps along a valley is given up.
SEARCH = 150
#: Points of a kind that are told at most: the deepest minima, the lowest saddles.
MOST = 40
#: And that are looked at.
MOST_SEEN = 1000
#: Radii, as shares of the range, of the circles that tell minimum from saddle where curvature
#: doesn't; points nearer to each other than the last are one.
RINGS = (1e-4, 1e-3)


def derivatives(value: Value, at: Array) -> tuple[Array, Array, Array]:
    """Values (N,), gradients (N, 2) and Hessians (N, 2, 2) at points (N, 2), by torch's automatic
    differentiation: exact but for rounding."""
    xy = torch.tensor(at.T, requires_grad=True)
    found = value(xy[0], xy[1], torch)
    (gradient,) = torch.autograd.grad(found.sum(), xy, create_graph=True)
    rows = []
    for part in gradient:
        if not part.requires_grad:
            rows.append(torch.zeros_like(xy))
            continue
        (row,) = torch.autograd.grad(
            part.sum(), xy, retain_graph=True, allow_unused=True, materialize_grads=True
        )
        rows.append(row)
    hessian = torch.stack(rows)
    return (
        found.detach().numpy(),
        gradient.detach().numpy().T,
        hessian.detach().numpy().transpose(2, 0, 1),
    )


def critical_points(
    value: Value, x: tuple[float, float], y: tuple[float, float]
) -> tuple[Point, ...]:
    """The isolated minima and saddles in a rectangle, its border left out; minima first, the
    deepest at the front.

    Newton's method on the gradient from every point of a grid finds where it is zero; where the
    curvature (the Hessian's eigenvalues) doesn't say what lies there, circles around it do. Minima
    without a gradient, such as that of abs(x) + abs(y), are found by a search from the grid's
    lowest points. Minima are global ones if the function is nowhere lower in the rectangle.

    What lies closer together than 1/48 of a side may be missed.
    """
    low, size = np.array([x[0], y[0]]), np.array([x[1] - x[0], y[1] - y[0]])
    scaled = _scaled(value, low, size)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        cells = (np.arange(SIDE) + 0.5) / SIDE
        grid = np.stack(np.meshgrid(cells, cells), axis=-1)
        values = np.broadcast_to(scaled(grid[..., 0], grid[..., 1], np), grid.shape[:2])
        smooth = _apart(_newton(scaled, grid.reshape(-1, 2)))
        apart = _apart([*smooth, *_kinks(scaled, grid, values, smooth)])
        points = [
            (at, kind, float(scaled(at[0], at[1], np)))
            for at, kind in zip(apart, _kinds(scaled, apart), strict=True)
            if kind
        ]
    return _told(points, values, low, size)


def _apart(candidates: list[Array]) -> Array:
    """Those that are no neighbours of one before them, (N, 2)."""
    found = np.empty((0, 2))
    for at in candidates:
        if not len(found) or np.hypot(*(found - at).T).min() >= RINGS[-1]:
            found = np.vstack([found, at])
            if len(found) == MOST_SEEN:
                break
    return found


def _scaled(value: Value, low: Array, size: Array) -> Value:
    """The function on the unit square."""
    return lambda u, v, math: value(low[0] + size[0] * u, low[1] + size[1] * v, math)


def _newton(value: Value, at: Array) -> list[Array]:
    """Points (2,) of zero gradient inside the unit square, the best first."""
    for _ in range(STEPS):
        _, gradient, hessian = derivatives(value, at)
        determinant = np.linalg.det(hessian)
        good = np.isfinite(gradient).all(1) & np.isfinite(determinant)
        at, gradient, hessian = at[good], gradient[good], hessian[good]
        flat = np.abs(determinant[good]) < 1e-12 * np.maximum(1, np.abs(hessian).max((1, 2))) ** 2
        hessian = hessian + 1e-9 * flat[:, None, None] * np.eye(2)
        step = np.zeros_like(at)
        solvable = np.linalg.det(hessian) != 0
        step[solvable] = np.linalg.solve(hessian[solvable], gradient[solvable, :, None])[..., 0]
        at = at - step.clip(-2 / SIDE, 2 / SIDE)
        at = at[(np.abs(at - 0.5) < 1).all(1)]
    if not len(at):
        return []
    found, gradient, hessian = derivatives(value, at)
    scale = np.maximum(np.abs(hessian).max((1, 2)), np.abs(found)) + 1e-300
    size = np.abs(gradient).max(1) / scale
    inside = (size < 1e-7) & ((at > 0) & (at < 1)).all(1)
    return list(at[inside][np.argsort(size[inside])])


def _kinks(value: Value, grid: Array, values: Array, known: Array) -> list[Array]:
    """Lowest points around grid points that are lower than their neighbours and near to nothing
    known, by compass search."""
    middle = values[1:-1, 1:-1]
    lower = np.isfinite(middle)
    for i in (0, 1, 2):
        for j in (0, 1, 2):
            if (i, j) != (1, 1):
                lower &= middle <= values[i : i + SIDE - 2, j : j + SIDE - 2]
    found = []
    for at in grid[1:-1, 1:-1][lower][:MOST]:
        if len(known) and np.hypot(*(known - at).T).min() < 2 / SIDE:
            continue
        best, reach = float(value(at[0], at[1], np)), 1 / SIDE
        for _ in range(SEARCH):
            if reach < 1e-12:
                break
            around = at + reach * _COMPASS
            heights = np.asarray(value(around[:, 0], around[:, 1], np))
            lowest = int(np.nanargmin(heights)) if np.isfinite(heights).any() else 0
            if heights[lowest] < best:
                at, best = around[lowest], float(heights[lowest])
            else:
                reach /= 2
        if reach < 1e-12 and ((at > 0) & (at < 1)).all():
            found.append(at)
    return found


_COMPASS = np.array([(a, b) for a in (-1, 0, 1) for b in (-1, 0, 1) if (a, b) != (0, 0)])


def _kinds(value: Value, at: Array) -> list[str]:
    """For points (N, 2) ``minimum``, ``saddle``, or empty for a maximum and for what does not stand
    alone."""
    if not len(at):
        return []
    _, _, hessians = derivatives(value, at)
    return [_kind(value, *pair) for pair in zip(at, hessians, strict=True)]


def _kind(value: Value, at: Array, hessian: Array) -> str:
    valley = 0.0
    if np.isfinite(hessian).all():
        (small, large), vectors = np.linalg.eigh(hessian)
        clear = 1e-7 * max(abs(small), abs(large), 1e-30)
        if small > clear:
            return "minimum"
        if small < -clear and large > clear:
            return "saddle"
        if large < -clear:
            return ""
        flattest = vectors[:, int(abs(large) < abs(small))]
        valley = float(np.arctan2(flattest[1], flattest[0]))
    # Where a valley is level it has to be met exactly.
    angles = valley + np.arange(0, 360, 0.5) * np.pi / 180
    here = float(value(at[0], at[1], np))
    kinds = set()
    for radius in RINGS:
        ring = value(at[0] + radius * np.cos(angles), at[1] + radius * np.sin(angles), np) - here
        if not np.isfinite(ring).all():
            return ""
        floor = max(64 * np.finfo(float).eps * abs(here), 1e-13 * np.abs(ring).max())
        higher, lower = (ring > floor).all(), (ring < -floor).any() and (ring > floor).any()
        kinds.add("minimum" if higher else "saddle" if lower else "")
    return kinds.pop() if len(kinds) == 1 else ""


def _told(
    points: list[tuple[Array, str, float]], values: Array, low: Array, size: Array
) -> tuple[Point, ...]:
    finite = values[np.isfinite(values)]
    heights = [height for _, kind, height in points if kind == "minimum"]
    told: list[tuple[Array, Kind]] = []
    if heights:
        spread = float(np.ptp(finite)) if finite.size else 0.0
        deepest = min(heights)
        closed = not finite.size or deepest <= finite.min() + 1e-9 * spread
        limit = deepest + 1e-9 * max(spread, abs(deepest))
        minima = sorted((p for p in points if p[1] == "minimum"), key=lambda p: p[2])
        for at, _, height in minima[:MOST]:
            told.append((at, "minimum" if closed and height <= limit else "local minimum"))
    saddles = sorted((p for p in points if p[1] == "saddle"), key=lambda p: p[2])
    told += [(at, "saddle") for at, _, _ in saddles[:MOST]]
    places = [(low + size * at, kind) for at, kind in told]
    return tuple(Point(float(x), float(y), kind) for (x, y), kind in places)
