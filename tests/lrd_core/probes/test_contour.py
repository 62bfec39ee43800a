"""Contours: a quadratic whose values are known, and no trace left."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lrd_core.probes.contour import contour, random_directions, window
from lrd_core.probes.point import Point
from lrd_core.problems import get_problem
from lrd_core.settings import SettingError
from tests.lrd_core.probes.toys import Toy, drain, flat


def quadratic() -> tuple[Toy, np.ndarray]:
    """½ θᵀ A θ of eight parameters in two tensors, with A."""
    random = torch.Generator().manual_seed(0)
    a = torch.randn(8, 8, generator=random, dtype=torch.float64)
    a = a @ a.T

    def loss(w: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        theta = torch.cat([w.reshape(-1), b])
        return 0.5 * theta @ a @ theta

    start = torch.randn(8, generator=random, dtype=torch.float64)
    return Toy([start[:6].view(2, 3), start[6:]], loss), a.numpy()


def test_quadratic() -> None:
    toy, a = quadratic()
    directions = torch.linalg.qr(torch.randn(8, 2, dtype=torch.float64))[0].T
    x, y = [-1.0, 0.0, 2.0], [-0.5, 0.5, 1.0, 3.0]
    here = flat(toy).numpy()
    shares, found = drain(contour(toy, directions, x, y))
    assert shares == [(k + 1) / 12 for k in range(12)]
    assert found.z.shape == (4, 3)
    assert found.x.tolist() == x
    assert found.y.tolist() == y
    d = directions.numpy()
    for i, j in np.ndindex(4, 3):
        theta = here + x[j] * d[0] + y[i] * d[1]
        assert found.z[i, j] == pytest.approx(0.5 * theta @ a @ theta, rel=1e-6)
    # Around another centre, whose own coordinates are (2, 3).
    centre = Point((torch.ones(2, 3), torch.ones(2)), {})
    _, moved = drain(contour(toy, directions, [2.0, 3.0], [3.0, 4.0], centre, at=(2.0, 3.0)))
    assert moved.z[0, 0] == pytest.approx(0.5 * a.sum(), rel=1e-6)
    theta = np.ones(8) + d[0] + d[1]
    assert moved.z[1, 1] == pytest.approx(0.5 * theta @ a @ theta, rel=1e-6)


def batch_norm() -> Toy:
    """A loss that changes a running mean whenever it is asked for, and depends on it."""
    toy = Toy([torch.tensor([1.0, 1e30])], lambda w: w.sum(), {"mean": torch.tensor([0.25])})

    def loss(w: torch.Tensor) -> torch.Tensor:
        value = w[0] + toy.buffers["mean"].clone()[0]
        toy.buffers["mean"].add_(1.0)
        return value

    toy._loss = loss
    return toy


@pytest.mark.parametrize("turns", [0, 1, 3, 100])
def test_leaves_no_trace(turns: int) -> None:
    toy = batch_norm()
    before = [flat(toy).clone(), toy.buffers["mean"].clone()]
    centre = Point((torch.zeros(2),), {"mean": torch.tensor([7.0])})
    directions = torch.tensor([[1.0, 1e30], [0.3, 1e-30]])
    work = contour(toy, directions, [0.1, 0.2], [0.3, 0.7], centre)
    for _ in range(turns):
        if next(work, None) is None:
            break
    work.close()
    assert torch.equal(flat(toy), before[0])
    assert torch.equal(toy.buffers["mean"], before[1])


def test_every_point_is_seen_with_the_centres_buffers() -> None:
    _, found = drain(contour(batch_norm(), torch.eye(2), [0.0, 1.0], [0.0, 1.0]))
    assert found.z.tolist() == [[1.25, 2.25], [1.25, 2.25]]


def test_restores_when_the_loss_fails() -> None:
    def loss(w: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("out of memory")

    toy = Toy([torch.ones(2)], loss)
    with pytest.raises(RuntimeError, match="out of memory"):
        drain(contour(toy, torch.eye(2), [1.0, 2.0], [1.0, 2.0]))
    assert torch.equal(flat(toy), torch.ones(2))


def test_values_that_are_not_finite_stay() -> None:
    toy = Toy([torch.zeros(2)], lambda w: torch.log(w[0]) + 1 / (w[1] - 1).abs())
    _, found = drain(contour(toy, torch.eye(2), [-1.0, 0.0, 1.0], [0.0, 1.0]))
    assert np.isnan(found.z[:, 0]).all()
    assert found.z[0, 1] == -np.inf
    assert found.z[1, 2] == np.inf
    assert found.z[0, 2] == 1.0


def test_filters_have_the_norms_of_the_parameters_filters() -> None:
    random = torch.Generator().manual_seed(1)
    conv = torch.randn(5, 3, 2, 2, generator=random)
    conv[2] = 0.0
    linear, bias = torch.randn(4, 6, generator=random), torch.randn(4, generator=random)
    point = [conv, bias, linear, torch.tensor(2.0)]
    directions = random_directions(point, 3)
    assert directions.shape == (2, 60 + 4 + 24 + 1)
    for d in directions:
        of_conv, of_bias, of_linear, of_scalar = torch.split(d, [60, 4, 24, 1])
        assert torch.allclose(of_conv.view(5, -1).norm(dim=1), conv.view(5, -1).norm(dim=1))
        assert torch.allclose(of_linear.view(4, 6).norm(dim=1), linear.norm(dim=1))
        assert not of_bias.any()
        assert not of_scalar.any()
    cosine = torch.nn.functional.cosine_similarity(*directions, dim=0)
    assert 0 < abs(cosine) < 0.5
    assert torch.equal(directions, random_directions(point, 3))
    assert not torch.equal(directions, random_directions(point, 3, index=1))
    assert not torch.equal(directions, random_directions(point, 4))


def test_digits() -> None:
    instance = get_problem("digits").build({}, 0)
    directions = random_directions(instance.parameters, 0)
    _, found = drain(contour(instance, directions, [-1.0, 0.0, 1.0], [-1.0, 0.0]))
    assert found.z[1, 1] == pytest.approx(float(instance.fixed_loss().detach()), rel=1e-6)
    assert np.isfinite(found.z).all()


@pytest.mark.parametrize(
    ("x", "directions", "field"),
    [
        ([0.0], torch.eye(2), "x"),
        ([0.0, float("nan")], torch.eye(2), "x"),
        (list(np.linspace(0, 1, 129)), torch.eye(2), "x"),
        ([[0.0, 1.0]], torch.eye(2), "x"),
        ([0.0, 1.0], torch.eye(3), "directions"),
        ([0.0, 1.0], torch.eye(2)[:, :1], "directions"),
    ],
)
def test_refuses(x: list[float], directions: torch.Tensor, field: str) -> None:
    toy = Toy([torch.ones(2)], torch.sum)
    with pytest.raises(SettingError) as error:
        next(contour(toy, directions, x, [0.0, 1.0]))
    assert error.value.field == field


def test_window_holds_the_path() -> None:
    places = np.array([[0.0, 1.0], [4.0, 3.0], [np.nan, 100.0], [2.0, 2.0]])
    x, y = window(places, 5, margin=0.25)
    assert x.tolist() == [-1.0, 0.5, 2.0, 3.5, 5.0]
    assert y.tolist() == [0.5, 1.25, 2.0, 2.75, 3.5]
    for nothing in (np.empty((0, 2)), np.full((3, 2), np.inf)):
        assert window(nothing, 3)[0].tolist() == [-1.0, 0.0, 1.0]
    still = window(np.zeros((4, 2)), 3)[0]
    assert still[0] < 0 < still[2]
