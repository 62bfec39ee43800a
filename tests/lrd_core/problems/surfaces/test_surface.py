"""A surface as a problem: start, loss, gradient, drawing grid, distance."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lrd_core.problems import PROBLEMS, Surface, get_problem
from lrd_core.settings import SettingError

SURFACES = [problem for problem in PROBLEMS.values() if isinstance(problem, Surface)]
every_surface = pytest.mark.parametrize("surface", SURFACES, ids=lambda surface: surface.name)
UNIT = st.floats(0, 1)

#: Values worked out by hand from the published formulas.
KNOWN = [
    ("beale", 0.0, 0.0, 14.203125),
    ("beale", 1.0, 1.0, 14.203125),
    ("beale", 1.0, 2.0, 2.5**2 + 5.25**2 + 9.625**2),
    ("rosenbrock", 0.0, 0.0, 1.0),
    ("rosenbrock", -1.0, 2.0, 104.0),
    ("himmelblau", 0.0, 0.0, 170.0),
    ("himmelblau", 1.0, 1.0, 106.0),
    ("rastrigin", 1.0, -2.0, 5.0),
    ("rastrigin", 0.5, 0.0, 20.25),
    ("ackley", 1.0, 1.0, 20 - 20 * np.exp(-0.2)),
    ("ackley", 0.5, 0.5, 20 + np.e - 20 * np.exp(-0.1) - np.exp(-1)),
    ("styblinski_tang", 0.0, 0.0, 78.33233140754284),
    ("styblinski_tang", 1.0, -1.0, -15 + 78.33233140754284),
    ("three_hump_camel", 1.0, 1.0, 2 - 1.05 + 1 / 6 + 2),
    ("booth", 0.0, 0.0, 74.0),
    ("ravine", 2.0, 1.0, 52.0),
    ("saddle", 0.0, 0.0, 1.0),
    ("saddle", 1.0, 2.0, 2.0),
    ("monkey_saddle", 0.0, 0.0, 2.0),
    ("monkey_saddle", 2.0, 0.0, 16.0),
    ("two_valleys", 0.9, 0.405, 0.6859),
    ("two_valleys", 0.1, 0.005, 1.1979),
]


@pytest.mark.parametrize(("name", "x", "y", "value"), KNOWN)
def test_known_values(name, x, y, value):
    surface = get_problem(name)
    assert surface.value(x, y, np) == pytest.approx(value, rel=1e-12)
    assert surface.build({}, 0).parameters[0].tolist() == list(surface.start)


#: Gradients differentiated by hand.
GRADIENTS = [
    ("rosenbrock", lambda x, y: (-2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x))),
    ("booth", lambda x, y: (10 * x + 8 * y - 34, 8 * x + 10 * y - 38)),
    ("ravine", lambda x, y: (x, 100 * y)),
    ("saddle", lambda x, y: (2 * x, y**3 - 2 * y)),
    (
        "himmelblau",
        lambda x, y: (
            4 * x * (x * x + y - 11) + 2 * (x + y * y - 7),
            2 * (x * x + y - 11) + 4 * y * (x + y * y - 7),
        ),
    ),
    (
        "rastrigin",
        lambda x, y: (
            2 * x + 20 * np.pi * np.sin(2 * np.pi * x),
            2 * y + 20 * np.pi * np.sin(2 * np.pi * y),
        ),
    ),
]


def placed(surface, u, v):
    """An instance at the fractions (u, v) of the view."""
    x = min(surface.view.x[0] + u * (surface.view.x[1] - surface.view.x[0]), surface.view.x[1])
    y = min(surface.view.y[0] + v * (surface.view.y[1] - surface.view.y[0]), surface.view.y[1])
    return surface.build({"start_x": x, "start_y": y}, 0), x, y


def gradient_of(instance):
    instance.loss(1).backward()
    return instance.parameters[0].grad.numpy()


@pytest.mark.parametrize(("name", "by_hand"), GRADIENTS)
@settings(max_examples=25)
@given(u=UNIT, v=UNIT)
def test_gradient_is_the_one_worked_out_by_hand(name, by_hand, u, v):
    instance, x, y = placed(get_problem(name), u, v)
    assert gradient_of(instance) == pytest.approx(by_hand(x, y), rel=1e-10, abs=1e-9)


@every_surface
@settings(max_examples=20)
@given(u=UNIT, v=UNIT)
def test_gradient_is_the_slope_and_torch_and_numpy_agree(surface, u, v):
    instance, x, y = placed(surface, u, v)
    h = 1e-6
    slope = [
        (surface.value(x + h, y, np) - surface.value(x - h, y, np)) / (2 * h),
        (surface.value(x, y + h, np) - surface.value(x, y - h, np)) / (2 * h),
    ]
    gradient = gradient_of(instance)
    near_tip = surface.name == "ackley" and np.hypot(x, y) < 1e-3
    if not near_tip:
        assert gradient == pytest.approx(slope, rel=1e-5, abs=1e-4)
    assert np.isfinite(gradient).all()
    assert instance.loss(1).item() == pytest.approx(surface.value(x, y, np), rel=1e-12, abs=1e-11)


@every_surface
def test_one_float64_parameter_whose_loss_is_the_same_at_every_step_and_seed(surface):
    one, other = surface.build({}, 0), surface.build({}, 99)
    assert one.names == ["xy"]
    (xy,) = one.parameters
    assert (xy.shape, xy.dtype) == ((2,), torch.float64)
    assert one.loss(1).item() == one.loss(500).item() == other.loss(7).item()
    assert one.test() == {}
    with torch.no_grad():
        xy.add_(0.1)
    assert one.loss(1).item() != other.loss(1).item()
    assert one.loss(1).dtype == torch.float64


@every_surface
def test_the_grid_is_the_view_with_y_along_rows(surface):
    grid = surface.grid(17)
    x, y, z = grid["x"], grid["y"], grid["z"]
    assert (x.shape, y.shape, z.shape) == ((17,), (17,), (17, 17))
    assert {a.dtype for a in grid.values()} == {np.dtype("float32")}
    assert (x[0], x[-1]) == pytest.approx(surface.view.x)
    assert (y[0], y[-1]) == pytest.approx(surface.view.y)
    assert (np.diff(x) > 0).all()
    assert (np.diff(y) > 0).all()
    assert z[3, 12] == pytest.approx(surface.value(float(x[12]), float(y[3]), np), rel=1e-4)
    assert np.isfinite(z).all()


@pytest.mark.parametrize("n", [1, 0, -5, 2049, 2.5, "10", True, None])
def test_a_grid_of_no_sensible_size_is_refused(n):
    with pytest.raises(SettingError, match=r"n: .*whole number in \[2, 2048\]"):
        get_problem("beale").grid(n)


def test_distance_is_to_the_nearest_global_minimum():
    assert get_problem("beale").distance(3.0, 1.5) == pytest.approx(1.0)
    assert get_problem("beale").distance(0.0, 0.5) == pytest.approx(3.0)
    himmelblau = get_problem("himmelblau")
    assert himmelblau.distance(3.0, 2.5) == pytest.approx(0.5)
    assert himmelblau.distance(-3.779310, -3.283186) == pytest.approx(0.0, abs=1e-6)
    assert get_problem("two_valleys").distance(0.9, 0.5) == pytest.approx(1.9)


@every_surface
def test_the_start_can_be_anywhere_in_the_view_and_nowhere_else(surface):
    xy = surface.build({"start_x": surface.view.x[0], "start_y": surface.view.y[1]}, 0)
    assert xy.parameters[0].tolist() == [surface.view.x[0], surface.view.y[1]]
    for name, value in [
        ("start_x", surface.view.x[1] + 1e-6),
        ("start_y", surface.view.y[0] - 1),
        ("start_x", float("nan")),
        ("start_y", float("inf")),
        ("start_x", "0"),
        ("start_y", True),
    ]:
        with pytest.raises(SettingError) as caught:
            surface.build({name: value}, 0)
        assert caught.value.field == f"settings.{name}"
        assert caught.value.allowed.startswith("a finite number in [")
    with pytest.raises(SettingError, match=r"settings\.depth"):
        surface.build({"depth": 1}, 0)


def test_ackley_can_start_on_its_own_tip():
    instance = get_problem("ackley").build({"start_x": 0.0, "start_y": 0.0}, 0)
    assert gradient_of(instance).tolist() == [0.0, 0.0]
    assert instance.loss(1).item() == pytest.approx(0.0, abs=1e-11)
