"""The marked points are what they say, and no minimum or saddle of a view is missing."""

import math

import numpy as np
import pytest
import torch

from lrd_core.problems import PROBLEMS, Surface

SURFACES = [problem for problem in PROBLEMS.values() if isinstance(problem, Surface)]
MARKS = [
    pytest.param(surface, point, id=f"{surface.name} {point.kind} {point.x:.3f} {point.y:.3f}")
    for surface in SURFACES
    for point in surface.view.points
]


def derivatives(surface, x, y):
    """Values (N,), gradients (N, 2) and Hessians (N, 2, 2) at points x, y (N,), float64."""
    xy = torch.tensor(np.stack([x, y]), dtype=torch.float64, requires_grad=True)
    value = surface.value(xy[0], xy[1], torch)
    (gradient,) = torch.autograd.grad(value.sum(), xy, create_graph=True)
    rows = [torch.autograd.grad(row.sum(), xy, retain_graph=True)[0] for row in gradient]
    hessian = torch.stack(rows)
    return value.detach().numpy(), gradient.detach().numpy().T, hessian.numpy().transpose(2, 0, 1)


@pytest.mark.parametrize(("surface", "point"), MARKS)
def test_a_marked_point_is_of_its_kind(surface, point):
    (value,), (gradient,), (hessian,) = derivatives(surface, [point.x], [point.y])
    low, high = np.linalg.eigvalsh(hessian)
    assert np.abs(gradient).max() < 1e-10 * max(1.0, high)
    if point.kind == "minimum":
        assert value == pytest.approx(surface.minimum, abs=1e-11)
        assert low > 0
    elif point.kind == "local minimum":
        assert value > surface.minimum + 1e-3
        assert low > 0
    elif surface.name == "monkey_saddle":
        assert low == high == 0
    else:
        assert low < 0 < high


def test_around_the_monkey_saddle_the_ground_rises_and_falls_three_times():
    monkey = PROBLEMS["monkey_saddle"]
    angles = (np.arange(6000) + 0.5) / 6000 * 2 * np.pi
    ring = monkey.value(0.01 * np.cos(angles), 0.01 * np.sin(angles), np)
    higher = ring > monkey.value(0.0, 0.0, np)
    assert np.count_nonzero(higher != np.roll(higher, 1)) == 6


@pytest.mark.parametrize("surface", SURFACES, ids=lambda surface: surface.name)
def test_nothing_drawn_lies_below_the_minimum_and_every_point_lies_in_the_view(surface):
    assert surface.grid(400)["z"].min() >= surface.minimum
    assert any(point.kind == "minimum" for point in surface.view.points)
    for point in surface.view.points:
        assert surface.view.x[0] < point.x < surface.view.x[1]
        assert surface.view.y[0] < point.y < surface.view.y[1]
    assert len({(p.x, p.y) for p in surface.view.points}) == len(surface.view.points)


@pytest.mark.parametrize("surface", SURFACES, ids=lambda surface: surface.name)
def test_newton_from_everywhere_finds_only_marked_points(surface):
    xs, ys = np.meshgrid(np.linspace(*surface.view.x, 60), np.linspace(*surface.view.y, 60))
    x, y = xs.ravel(), ys.ravel()
    for _ in range(60):
        _, gradient, hessian = derivatives(surface, x, y)
        size = np.abs(np.linalg.det(hessian))[:, None, None]
        step = np.linalg.solve(hessian + np.eye(2) * 1e-9 * (size < 1e-12), gradient[:, :, None])
        step = step[:, :, 0].clip(-0.2, 0.2)
        x, y = x - step[:, 0], y - step[:, 1]
        near = (np.abs(x) < 20) & (np.abs(y) < 20)
        x, y = x[near], y[near]
    _, gradient, hessian = derivatives(surface, x, y)
    inside = (
        (np.abs(gradient).max(1) < 1e-9)
        & (x >= surface.view.x[0])
        & (x <= surface.view.x[1])
        & (y >= surface.view.y[0])
        & (y <= surface.view.y[1])
        & (np.linalg.eigvalsh(hessian)[:, 1] > 1e-6)  # a maximum is not marked
    )
    found = {
        min(
            surface.view.points,
            key=lambda point: math.hypot(point.x - a, point.y - b),
        )
        for a, b in zip(x[inside], y[inside], strict=True)
        if all(math.hypot(p.x - a, p.y - b) > 1e-6 for p in surface.view.points)
    }
    assert not found, "a critical point that is not marked lies near these"
    assert inside.sum() > 50
