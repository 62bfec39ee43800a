"""Curvature, against analytic Hessians of surfaces and the full Hessian of small networks."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import sympy
import torch
import torch.nn.functional as F

from lrd_core.probes.curvature import Hessian, curvature, lanczos, negative_directions
from lrd_core.probes.point import Point
from lrd_core.problems import PROBLEMS, get_problem
from tests.lrd_core.probes.toys import Toy, drain, flat

SURFACES = sorted(name for name, problem in PROBLEMS.items() if problem.kind == "surface")


def places(name: str) -> list[tuple[float, float]]:
    """The start, marked points, and some of the view; not the tip of Ackley's cone."""
    surface = get_problem(name)
    marked = [(p.x, p.y) for p in surface.view.points if name != "ackley" or (p.x, p.y) != (0, 0)]
    draws = np.random.default_rng(0).uniform(
        [surface.view.x[0], surface.view.y[0]], [surface.view.x[1], surface.view.y[1]], (6, 2)
    )
    return [surface.start, *marked[:6], *map(tuple, draws.tolist())]


@pytest.mark.parametrize("name", SURFACES)
def test_surfaces(name: str) -> None:
    surface = get_problem(name)
    x, y = sympy.symbols("x y", real=True)
    analytic = sympy.hessian(surface.value(x, y, sympy), (x, y))
    values_at = sympy.lambdify((x, y), analytic, "numpy")
    instance = surface.build({}, 0)
    start = flat(instance).clone()
    for at in places(name):
        expected = np.linalg.eigvalsh(np.array(values_at(*at), dtype="f8"))
        point = Point((torch.tensor(at, dtype=torch.float64),), {})
        turns, found = drain(curvature(instance, point, 0, 1))
        assert len(turns) == 2
        scale = max(np.abs(expected).max(), 1e-6)
        assert found["hessian_min"] == pytest.approx(expected[0], abs=1e-9 * scale)
        assert found["hessian_max"] == pytest.approx(expected[1], abs=1e-9 * scale)
        assert found["hessian_trace"] == pytest.approx(expected.sum(), abs=1e-9 * scale)
        assert found["saddle_index"] == (expected < -1e-9 * scale).sum()
        assert found["curvature_ms"] > 0
    assert torch.equal(flat(instance), start)


def test_marked_saddles_have_one_way_down_and_minima_none() -> None:
    seen = set()
    for name in SURFACES:
        surface = get_problem(name)
        instance = surface.build({}, 0)
        for marked in surface.view.points[:10]:
            at = Point((torch.tensor([marked.x, marked.y], dtype=torch.float64),), {})
            index = drain(curvature(instance, at, 0, 1))[1]["saddle_index"]
            # The monkey saddle's Hessian is zero; Ackley's tip is rounded.
            if (name, marked.kind) != ("monkey_saddle", "saddle"):
                assert index == (1 if marked.kind == "saddle" else 0), (name, marked)
                seen.add(marked.kind)
    assert seen == {"minimum", "local minimum", "saddle"}


def mlp(widths: tuple[int, ...], seed: int = 0, trained: int = 0) -> Toy:
    """A tanh network on random data."""
    random = torch.Generator().manual_seed(seed)
    inputs = torch.randn(40, widths[0], generator=random)
    labels = torch.randint(widths[-1], (40,), generator=random)
    shapes = [s for a, b in pairwise(widths) for s in ((b, a), (b,))]
    start = [torch.randn(s, generator=random) * 0.5 for s in shapes]

    def loss(*parameters: torch.Tensor) -> torch.Tensor:
        x = inputs
        for w, b in zip(parameters[:-2:2], parameters[1:-2:2], strict=True):
            x = torch.tanh(F.linear(x, w, b))
        return F.cross_entropy(F.linear(x, *parameters[-2:]), labels)

    toy = Toy(start, loss)
    optimizer = torch.optim.SGD(toy.parameters, lr=0.5)
    for _ in range(trained):
        optimizer.zero_grad()
        toy.fixed_loss().backward()
        optimizer.step()
    return toy


def full_hessian(toy: Toy) -> torch.Tensor:
    sizes = [p.numel() for p in toy.parameters]

    def of_flat(theta: torch.Tensor) -> torch.Tensor:
        parts = torch.split(theta, sizes)
        pairs = zip(parts, toy.parameters, strict=True)
        return toy._loss(*(part.view(p.shape) for part, p in pairs))

    return torch.func.jacrev(torch.func.grad(of_flat))(flat(toy))


@pytest.mark.parametrize("trained", [0, 200])
def test_small_network(trained: int) -> None:
    toy = mlp((6, 10, 5), trained=trained)
    whole = full_hessian(toy).double()
    expected = torch.linalg.eigvalsh(whole)
    _, found = drain(curvature(toy, None, 0, 1))
    size = float(expected.abs().max())
    assert found["hessian_max"] == pytest.approx(float(expected[-1]), abs=1e-3 * size)
    assert found["hessian_min"] == pytest.approx(float(expected[0]), abs=1e-3 * size)
    off_diagonal = whole - torch.diag(whole.diagonal())
    error = (2 / 8) ** 0.5 * float(off_diagonal.norm())
    assert found["hessian_trace"] == pytest.approx(float(whole.trace()), abs=4 * error)
    assert "saddle_index" not in found
    vector = torch.randn(len(whole))
    assert torch.allclose(Hessian(toy).times(vector).double(), whole @ vector.double(), atol=1e-5)


def test_the_trace_is_right_on_average() -> None:
    toy = mlp((6, 10, 5))
    whole = full_hessian(toy).double()
    found = [drain(curvature(toy, None, 0, step))[1]["hessian_trace"] for step in range(40)]
    off_diagonal = whole - torch.diag(whole.diagonal())
    error = (2 / (8 * 40)) ** 0.5 * float(off_diagonal.norm())
    assert np.mean(found) == pytest.approx(float(whole.trace()), abs=4 * error)
    assert np.std(found) > 0


def test_is_a_function_of_seed_and_step() -> None:
    toy = mlp((6, 10, 5))

    def columns(seed: int, step: int) -> dict[str, float]:
        found = drain(curvature(toy, None, seed, step))[1]
        return {name: value for name, value in found.items() if name != "curvature_ms"}

    assert columns(1, 2) == columns(1, 2)
    assert columns(1, 2) != columns(1, 3)
    assert columns(1, 2) != columns(2, 2)


def test_little_memory_finds_the_same_ends() -> None:
    toy = mlp((8, 12, 5), trained=50)
    hessian = Hessian(toy)
    expected = torch.linalg.eigvalsh(full_hessian(toy).double())
    _, ends = drain(lanczos(hessian, 0, 1, memory=0))
    size = float(expected.abs().max())
    assert ends == pytest.approx((float(expected[0]), float(expected[-1])), abs=2e-3 * size)


def test_one_product_a_turn_and_no_trace() -> None:
    toy = mlp((6, 10, 5))
    start = flat(toy).clone()
    toy.buffers["count"] = torch.zeros(1)
    point = Point(
        tuple(torch.zeros_like(p) + 0.1 for p in toy.parameters), {"count": torch.ones(1)}
    )
    turns, found = drain(curvature(toy, point, 0, 1))
    assert 8 + 3 <= len(turns) <= 8 + 30
    assert torch.equal(flat(toy), start)
    assert found["hessian_max"] != drain(curvature(toy, None, 0, 1))[1]["hessian_max"]
    work = curvature(toy, point, 0, 1)
    next(work)
    assert not torch.equal(flat(toy), start)
    work.close()
    assert torch.equal(flat(toy), start)
    assert toy.buffers["count"].item() == 0
    assert all(p.grad is None for p in toy.parameters)


def test_linear_loss_has_none() -> None:
    for n in (3, 40):
        toy = Toy([torch.ones(n), torch.ones(2)], lambda a, b: a.sum() + 2 * b.sum())
        found = drain(curvature(toy, None, 0, 1))[1]
        assert (found["hessian_max"], found["hessian_min"], found["hessian_trace"]) == (0, 0, 0)


def test_not_finite_is_nan() -> None:
    for n in (3, 40):
        toy = Toy([torch.zeros(n)], lambda a: torch.log(a).sum())
        found = drain(curvature(toy, None, 0, 1))[1]
        assert math.isnan(found["hessian_max"])
        assert math.isnan(found["hessian_trace"])


def test_negative_directions() -> None:
    assert negative_directions([-1.0, 2.0]) == 1
    assert negative_directions([-1.0, -1e-9]) == 2
    assert negative_directions([-1e-17, 2.0]) == 0
    assert negative_directions([0.0, 0.0]) == 0
    assert math.isnan(negative_directions([math.nan, 1.0]))


def test_digits() -> None:
    instance = get_problem("digits").build({"width": 8}, 0)
    found = drain(curvature(instance, None, 0, 1))[1]
    assert found["hessian_max"] > abs(found["hessian_min"]) > 0


def test_attention_has_a_second_derivative() -> None:
    """torch's fast kernels for it have none."""
    random = torch.Generator().manual_seed(0)
    x = torch.randn(2, 6, 8, generator=random)

    def loss(w: torch.Tensor) -> torch.Tensor:
        q = (x @ w).unsqueeze(1)
        return F.scaled_dot_product_attention(q, q, q, is_causal=True).square().mean()

    found = drain(curvature(Toy([torch.eye(8)], loss), None, 0, 1))[1]
    assert math.isfinite(found["hessian_max"])
