"""Gradients of formulas, and the functions that kernels compute with, against torch and NumPy."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
import torch

from lrd_core.problems import PROBLEMS, Surface
from lrd_core.settings import SettingError
from lrd_core.swarm import elementary
from lrd_core.swarm.formula import Gradient, gradient
from tests.lrd_core.swarm.interpreted import namespace
from tests.lrd_core.swarm.reference import starts, surface

SURFACES = [problem for problem in PROBLEMS.values() if isinstance(problem, Surface)]
WORDS: dict[str, Any] = {
    "F": float,
    "fma": lambda a, b, c: a * b + c,
    "absolute": np.abs,
    **{n: getattr(np, n) for n in ("exp", "log", "sin", "cos", "tan", "sinh", "cosh", "tanh")},
    **{n: getattr(np, n) for n in ("sign", "sqrt", "power")},
}
Value = Callable[[Any, Any, Any], Any]


def own(value: Value) -> Surface:
    return replace(surface("booth"), name="own", value=value)


def computed(found: Gradient, x: Any, y: Any) -> tuple[Any, Any]:
    values = WORDS | {"x": x, "y": y}
    exec("\n".join(found.lines), values)
    return eval(found.dx, values), eval(found.dy, values)


def compare(on: Surface, points: Any) -> None:
    x, y = (torch.tensor(c, requires_grad=True) for c in np.ascontiguousarray(points.T))
    value = on.value(x, y, torch).sum()
    wanted = torch.autograd.grad(value, (x, y), allow_unused=True, materialize_grads=True)
    found = computed(gradient(on), *(c.detach().numpy() for c in (x, y)))
    for mine, theirs in zip(found, wanted, strict=True):
        size = float(theirs.abs().max())
        np.testing.assert_allclose(mine + 0.0 * points[:, 0], theirs, rtol=1e-12, atol=1e-13 * size)


@pytest.mark.parametrize("on", SURFACES, ids=lambda on: on.name)
def test_every_surface_has_torchs_gradient(on: Surface) -> None:
    compare(on, starts(on, 200))


@pytest.mark.parametrize(
    "value",
    [
        lambda x, y, math: math.log(1 + x**2) + math.tanh(x * y) - math.sin(y) / (2 + math.cos(x)),
        lambda x, y, math: (1 + x * x) ** -1.5 + (2 + math.sin(y)) ** 0.3 + x**7 / (1 + y**4),
        lambda x, y, math: math.abs(x) + math.square(y) + math.e * math.exp(-x * x) * math.pi,
        lambda x, y, math: math.sinh(x / 5) + math.cosh(y / 5) + math.tan(x / 9) + 1 / (9 + x) ** 3,
        lambda x, y, math: 3 * x,
    ],
)
def test_any_formula_has_torchs_gradient(value: Value) -> None:
    compare(own(value), starts(surface("booth"), 200))


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (lambda x, y, math: math.floor(x) + y, "math.floor"),
        (lambda x, y, math: x if x > 0 else y, "truth value"),
        (lambda x, y, math: float(x) + y, "float"),
        (lambda x, y, math: math.log(-1.0) * x, "I"),
    ],
)
def test_what_has_no_derivative_is_refused_with_the_mend(value: Value, reason: str) -> None:
    with pytest.raises(SettingError) as error:
        gradient(own(value))
    assert error.value.field == "problem"
    assert error.value.value == "own"
    assert "exp" in error.value.allowed
    assert reason in error.value.allowed


@pytest.mark.parametrize("bits", [32, 64])
def test_exp_sin_and_cos_to_the_last_bits(bits: int) -> None:
    """Within 2 units in the last place of NumPy's long double."""
    numba = pytest.importorskip("numba")
    from lrd_core.optim.kernels import cpu_blocks
    from lrd_core.swarm import blocks

    scope: dict[str, Any] = vars(numba) | vars(cpu_blocks) | vars(blocks)
    kind = np.float32 if bits == 32 else np.float64
    scope |= {"F": scope[f"float{bits}"], "np": np}
    exec(elementary.text(bits), scope)
    rng = np.random.default_rng(0)
    wide = np.concatenate([rng.uniform(-30, 30, 20_000), rng.uniform(-1e-3, 1e-3, 1000)])
    wide = np.concatenate([wide, [0.0, -0.0, np.pi, 80.0, -80.0]]).astype(kind)
    far = rng.uniform(-1e4, 1e4, 1000).astype(kind)
    for name in ("exp", "sin", "cos"):
        if name != "exp":
            wide = np.concatenate([wide, far])
        found = numba.vectorize(scope[name].py_func)(wide)
        assert found.dtype == kind
        wanted = getattr(np, name)(wide.astype(np.longdouble))
        error = np.abs(found - wanted) / np.spacing(np.abs(wanted).astype(kind))
        # At π the sine itself is as small as the error of π in three parts.
        small = np.abs(wanted) < 1e-4
        assert error[~small].max() < 2
        assert np.abs(found - wanted)[small].max() < 4 * np.finfo(kind).eps * 1e-4
    odd = np.array([np.inf, -np.inf, np.nan, 1e5, -1e5], dtype=kind)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)
        found = numba.vectorize(scope["exp"].py_func)(odd)
        assert np.array_equal(found, [np.inf, 0, np.nan, np.inf, 0], equal_nan=True)
        for name in ("sin", "cos"):
            found = numba.vectorize(scope[name].py_func)(odd)
            assert np.isnan(found[:3]).all()
            assert (np.abs(found[3:]) <= 1).all()


def test_normal_numbers_are_those_of_the_inverse_distribution() -> None:
    normal = namespace(elementary.normal_text(), 64)["normal"]
    for p in (0.5 / 2**32, 1e-6, 0.02, 0.075, 0.0751, 0.5, 0.9, 0.999999, 1 - 0.5 / 2**32):
        assert normal(p) == pytest.approx(NormalDist().inv_cdf(p), rel=1e-14, abs=1e-15)
