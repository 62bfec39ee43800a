"""The plane of most variance, against scikit-learn's PCA and against every step of a training."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from lrd_core import LRD
from lrd_core.probes.plane import Plane
from lrd_core.probes.plane_fit import FEWEST, MOST, PlaneFit
from lrd_core.probes.sketch import COLUMNS, SIZE, Sketch
from lrd_core.problems import get_problem

STEPS = 200
RUNS = {"plain": (0.0, "adam"), "half": (0.5, "adam"), "most": (0.9, "adam"), "sgd": (0.5, "sgd")}


@functools.cache
def training() -> tuple[dict[str, np.ndarray], dict[str, np.ndarray], PlaneFit]:
    """θ − θ₀ and sketches of every step of four runs on the digits, and the fit of them."""
    paths, sketches = {}, {}
    problem = get_problem("digits")
    fit = PlaneFit(problem.build({"width": 24}, 0).parameters, 0)
    for run, (rate, rule) in RUNS.items():
        instance = problem.build({"width": 24}, 0)
        options = {"lr": problem.suggested_lr[rule]}
        kind = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}[rule]
        lrd = LRD(kind(instance.parameters, **options), rate, kernel="torch")
        sketch = Sketch(instance.parameters, 0)
        start = flat(instance.parameters)
        path, rows = [], []
        for step in range(STEPS + 1):
            if step:
                lrd.zero_grad()
                instance.loss(step).backward()
                lrd.step()
            row = sketch.measure()
            path.append(flat(instance.parameters) - start)
            rows.append([row[name] for name in COLUMNS])
            fit.add(run, step, instance.parameters, rows[-1])
        paths[run], sketches[run] = np.array(path), np.array(rows)
    return paths, sketches, fit


def flat(tensors: list[torch.Tensor]) -> np.ndarray:
    return torch.cat([t.detach().reshape(-1) for t in tensors]).numpy()


def largest_angle(a: np.ndarray, b: np.ndarray) -> float:
    """Between two planes, radians; from the sine, which is exact for small ones."""
    outside = a.astype("f8") - (a.astype("f8") @ b.T.astype("f8")) @ b
    return float(np.arcsin(min(1.0, np.linalg.svd(outside, compute_uv=False)[0])))


def fitted() -> Plane:
    plane = training()[2].refit()
    assert plane is not None
    return plane


def test_is_the_plane_of_scikit_learn() -> None:
    paths, _, fit = training()
    plane = fitted()
    kept = [step for step in range(STEPS + 1) if fit.wants(step)]
    assert plane.points == len(fit) == len(kept) * len(RUNS) <= MOST
    assert len(kept) > MOST / len(RUNS) / 2 - 1
    points = np.concatenate([path[kept] for path in paths.values()]).astype("f8")
    pca = PCA(2, svd_solver="full").fit(points)
    assert largest_angle(plane.directions, pca.components_) < 1e-5
    assert plane.explained == pytest.approx(pca.explained_variance_ratio_, rel=1e-6)
    assert np.allclose(plane.directions @ plane.directions.T, np.eye(2), atol=1e-5)
    assert torch.equal(plane.lifted(), torch.from_numpy(plane.directions))


def test_every_step_is_placed_from_its_sketch() -> None:
    paths, sketches, _ = training()
    plane = fitted()
    exact = np.array([plane.project(path) for path in paths.values()])
    drawn = np.array([plane.place(rows) for rows in sketches.values()])
    extent = np.ptp(exact.reshape(-1, 2), axis=0)
    errors = np.abs(drawn - exact).reshape(-1, 2) / extent
    assert errors.max() < 0.1
    assert np.sqrt((errors**2).mean(0)).max() < 0.02
    assert (drawn[:, 0] == 0).all()
    assert min(plane.r2) > 0.98
    # An honest R²: over all steps it is no worse by much.
    spread = ((exact - exact.mean((0, 1))) ** 2).sum((0, 1))
    actual = 1 - ((drawn - exact) ** 2).sum((0, 1)) / spread
    assert np.all(actual > np.array(plane.r2) - 0.01)


def cloud(spreads: list[float], seed: int = 0, count: int = 60, n: int = 50) -> np.ndarray:
    """Points in space with these standard deviations along its first axes."""
    points = np.zeros((count, n), dtype="f4")
    points[:, : len(spreads)] = np.random.default_rng(seed).normal(
        0, spreads, (count, len(spreads))
    )
    return points


def fit_of(points: np.ndarray) -> PlaneFit:
    fit = PlaneFit([torch.zeros(points.shape[1])], 0)
    add(fit, points)
    return fit


def add(fit: PlaneFit, points: np.ndarray, first: int = 0) -> None:
    rng = np.random.default_rng(1)
    for step, point in enumerate(points, first):
        fit.add("r1", step, [torch.from_numpy(point)], rng.normal(size=SIZE))


def test_axes_keep_their_signs_and_names_when_it_refits() -> None:
    fit = fit_of(cloud([3.0, 2.0, 0.5]))
    first = fit.refit()
    before = first
    for more in range(3):
        add(fit, cloud([3.0, 2.0, 0.5], seed=more + 7, count=40), 60 + 40 * more)
        plane = fit.refit()
        cosines = (before.directions @ plane.directions.T).diagonal()
        assert (cosines > 0.7).all()
        before = plane


def cross(a: float, b: float, count: int) -> np.ndarray:
    """Points at ±a on the first axis and ±b on the second."""
    points = np.zeros((count, 50), dtype="f4")
    points[0::4, 0], points[1::4, 0], points[2::4, 1], points[3::4, 1] = a, -a, b, -b
    return points


def test_components_that_cross_stay_on_their_axes_until_it_is_clear() -> None:
    fit = fit_of(cross(3.0, 2.5, 40))
    first = fit.refit()
    assert abs(first.directions[0, 0]) > 0.999
    # The second direction now holds a little more: no axis moves.
    add(fit, cross(2.0, 3.0, 40), 40)
    second = fit.refit()
    assert 1 < second.explained[1] / second.explained[0] < 1.5
    assert np.allclose(first.directions, second.directions, atol=1e-5)
    # It stays so while nothing changes.
    assert np.allclose(fit.refit().directions, second.directions, atol=1e-5)
    # Far more: it becomes the first axis, and keeps its direction.
    add(fit, cross(0.1, 30.0, 20), 80)
    third = fit.refit()
    assert third.explained[0] > third.explained[1]
    assert np.allclose(third.directions, second.directions[::-1], atol=1e-5)
    assert np.allclose(fit.refit().directions, third.directions, atol=1e-5)


def test_no_plane_of_points_on_a_line() -> None:
    fit = fit_of(cloud([1.0], count=20))
    assert fit.refit() is None
    add(fit, cloud([1.0, 1.0], count=20), 20)
    assert fit.refit() is not None
    assert PlaneFit([torch.zeros(3)], 0).refit() is None


def test_points_are_thinned_evenly_and_refits_stay_exact() -> None:
    rng = np.random.default_rng(2)
    points = rng.normal(size=(1000, 30)).astype("f4")
    fit = PlaneFit([torch.zeros(30)], 0)
    for step, point in enumerate(points):
        for run in ("a", "b"):
            moved = point if run == "a" else point * 2
            fit.add(run, step, [torch.from_numpy(moved)], np.ones(SIZE))
        if step % 90 == 0:
            fit.refit()
    assert fit.every == 8
    assert len(fit) == 2 * 125
    kept = points[::8]
    pca = PCA(2, svd_solver="full").fit(np.concatenate([kept, 2 * kept]).astype("f8"))
    plane = fit.refit()
    assert largest_angle(plane.directions, pca.components_) < 1e-5


def test_many_runs_have_room() -> None:
    fit = PlaneFit([torch.zeros(4)], 0)
    for step in range(5):
        for run in range(2 * MOST):
            fit.add(str(run), step, [torch.ones(4)], np.ones(SIZE))
    assert len(fit) == MOST


def test_a_diverged_run_is_left_out() -> None:
    fit = fit_of(cloud([3.0, 2.0]))
    fit.add("r2", 1, [torch.full((50,), float("nan"))], np.ones(SIZE))
    fit.add("r2", 2, [torch.full((50,), 1e30)], np.ones(SIZE))
    assert len(fit) == 60
    assert np.isfinite(fit.refit().directions).all()


def test_large_models_are_looked_at_at_some_coordinates() -> None:
    memory = FEWEST * 4 * 100
    rng = np.random.default_rng(3)
    n = 1000
    fit = PlaneFit([torch.zeros(n)], 0, memory)
    points = (rng.normal(size=(20, 3)) * [5, 2, 0.1]) @ rng.normal(size=(3, n))
    for step, point in enumerate(points.astype("f4")):
        fit.add("r1", step, [torch.from_numpy(point)], np.ones(SIZE))
    plane = fit.refit()
    assert 50 < len(plane.sample) <= 100
    lifted = plane.lifted().numpy()
    assert lifted.shape == (2, n)
    assert (lifted != 0).sum() == 2 * len(plane.sample)
    assert np.allclose(lifted @ lifted.T, np.eye(2), atol=1e-5)
    assert np.allclose(plane.project(points[0]), lifted @ points[0], atol=1e-3)
