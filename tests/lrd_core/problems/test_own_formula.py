"""Formulas that are typed: read, refused, searched for minima and saddles, and trained on."""

from __future__ import annotations

import contextlib
import math
import time
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lrd_core.engine.experiment import check_experiment
from lrd_core.problems import PROBLEMS, Surface, get_problem
from lrd_core.problems.critical import critical_points
from lrd_core.problems.formula import FUNCTIONS, MAX_LENGTH, FormulaError, parse
from lrd_core.settings import SettingError
from lrd_core.swarm import swarm
from tests.lrd_core.engine.recorder import trained as recorded
from tests.lrd_core.swarm.reference import run, starts, trained

OWN = get_problem("own_formula")
assert isinstance(OWN, Surface)
NAMES: dict[str, Any] = {name: getattr(np, name) for name in FUNCTIONS} | {"pi": np.pi, "e": np.e}

#: The catalogue's surfaces as somebody would type them.
TYPED = {
    "beale": "(1.5 - x + x*y)**2 + (2.25 - x + x*y**2)**2 + (2.625 - x + x*y**3)**2",
    "himmelblau": "(x^2 + y − 11)^2 + (x + y^2 − 7)^2",
    "rastrigin": "20 + x**2 - 10*cos(2*pi*x) + y**2 - 10*cos(2*pi*y)",
    "ackley": "-20*exp(-0.2*sqrt((x**2+y**2)/2)) - exp((cos(2*pi*x)+cos(2*pi*y))/2) + e + 20",
    "saddle": "x**2 - y**2 + y**4/4 + 1",
    "turned_saddle": "(x + y)**2 / 2 + ((x - y)**2 / 4 - 1)**2",
    "monkey_saddle": "x**3 - 3*x*y**2 + 0.375*(x**2 + y**2)**2 + 2",
    "three_hump_camel": "2*x**2 - 1.05*x**4 + x**6/6 + x*y + y**2",
}


def made(formula: str, **more: Any) -> Surface:
    assert isinstance(OWN, Surface)
    return OWN.settled({"formula": formula, **more})


def texts() -> st.SearchStrategy[str]:
    """Formulas of the grammar, as Python reads them, too."""
    numbers = st.sampled_from(["2", "0.5", "1e-1", ".25", "3.", "pi", "e"])
    leaves = st.one_of(st.sampled_from(["x", "y"]), numbers)

    def larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        two = st.tuples(inner, st.sampled_from("+-*/"), inner)
        return st.one_of(
            two.map(" ".join),
            st.tuples(inner, inner).map(lambda p: f"({p[0]})*({p[1]})"),
            inner.map(lambda a: f"-{a}"),
            st.tuples(st.sampled_from(["x", "y", "(x+y)"]), st.sampled_from("23")).map("**".join),
            st.tuples(st.sampled_from(list(FUNCTIONS)), inner).map(lambda p: f"{p[0]}({p[1]})"),
        )

    return st.recursive(leaves, larger, max_leaves=8)


@settings(max_examples=300, deadline=None)
@given(text=texts(), x=st.floats(-3, 3), y=st.floats(-3, 3))
def test_a_formula_has_the_value_that_python_gives_it(text: str, x: float, y: float) -> None:
    try:
        formula = parse(text)
    except FormulaError:
        return
    with np.errstate(all="ignore"):
        here = np.array([x, y])
        wanted = eval(text, {"__builtins__": {}}, NAMES | {"x": here[0], "y": here[1]})
        found = formula(here[0], here[1], np)
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-12)


@settings(max_examples=300, deadline=None)
@given(
    text=st.one_of(st.text(max_size=30), st.text("xy+-*/()^e.0123 sincoexplg_'[]{}", max_size=60))
)
def test_any_text_is_read_or_refused_at_one_of_its_characters(text: str) -> None:
    refused = None
    try:
        parse(text)
    except FormulaError as error:
        refused = error
    if refused:
        assert 0 <= refused.position <= len(text)
        assert refused.field == "formula"
        assert f"(character {refused.position + 1})" in str(refused)


@pytest.mark.parametrize(
    ("text", "position", "reason"),
    [
        ("x**2 + 3*sin(z)", 13, "there is no 'z'"),
        ("2x", 1, "operator is missing"),
        ("x +", 3, "ends too early"),
        ("(x + y", 0, "never closed"),
        ("x + y)", 5, "never opened"),
        ("sin x", 0, "needs brackets"),
        ("x $ y", 2, "means nothing"),
        ("x**200", 3, "too large a power"),
        ("x + 1/0", 5, "no finite number"),
        ("7", 0, "x or y"),
        ("", 0, "empty"),
        ("__import__('os').system('ls')", 11, "means nothing"),
        ("x.__class__", 1, "means nothing"),
        ("(" * 30 + "x" + ")" * 30, 24, "inside each other"),
        ("x" + "+x" * MAX_LENGTH, MAX_LENGTH, "more than"),
    ],
)
def test_what_is_wrong_is_named_with_its_character(text: str, position: int, reason: str) -> None:
    with pytest.raises(FormulaError, match=reason) as error:
        parse(text)
    assert error.value.position == position


@pytest.mark.parametrize(
    "text",
    [
        "x**" * 20 + "y",
        "9**9**2*x" + "*9**9" * 8,
        "sin(" * 23 + "x*y" + ")" * 23,
        "*".join(["(x+y)**64"] * 20),
        "+".join(f"x**{k}*y**{k}" for k in range(2, 20)),
    ],
)
def test_a_costly_formula_is_searched_in_time(text: str) -> None:
    began = time.process_time()
    with contextlib.suppress(SettingError):
        made(text)
    assert time.process_time() - began < 20


@pytest.mark.parametrize("name", TYPED)
def test_minima_and_saddles_of_known_surfaces_are_found(name: str) -> None:
    known = PROBLEMS[name]
    assert isinstance(known, Surface)
    (x_low, x_high), (y_low, y_high) = known.view.x, known.view.y
    found = made(TYPED[name], x_low=x_low, x_high=x_high, y_low=y_low, y_high=y_high)
    assert len(found.view.points) == len(known.view.points)
    for point in known.view.points:
        near = [
            other
            for other in found.view.points
            if math.hypot(other.x - point.x, other.y - point.y) < 1e-6
        ]
        assert [other.kind for other in near] == [point.kind]
    assert found.minimum == pytest.approx(known.minimum, abs=1e-9)


@pytest.mark.parametrize(
    ("text", "points"),
    [
        ("x + y", []),
        ("x**2", []),
        ("(x + y)**2", []),
        ("-x**2 - y**2", []),
        ("x*y", [(0, 0, "saddle")]),
        ("x**4 + y**4", [(0, 0, "minimum")]),
        ("abs(x - 1) + abs(y)", [(1, 0, "minimum")]),
        # Lower at the border than in its dent.
        ("x**3 - 3*x + y**2", [(1, 0, "local minimum"), (-1, 0, "saddle")]),
        ("log(x) + 1/x + y**2", [(1, 0, "minimum")]),
    ],
)
def test_points_of_odd_formulas(text: str, points: list[tuple[float, float, str]]) -> None:
    found = critical_points(parse(text), (-3.0, 3.0), (-2.9, 3.1))
    assert [point.kind for point in found] == [kind for _, _, kind in points]
    for point, (x, y, _) in zip(found, points, strict=True):
        assert (point.x, point.y) == pytest.approx((x, y), abs=1e-6)


def test_the_default_is_what_would_be_found() -> None:
    found = made(OWN.settings[0].default)  # type: ignore[arg-type]
    assert found is not OWN
    assert isinstance(OWN, Surface)
    for mine, told in zip(
        sorted(found.view.points, key=lambda p: p.y),
        sorted(OWN.view.points, key=lambda p: p.y),
        strict=True,
    ):
        assert (mine.x, mine.y, mine.kind) == pytest.approx((told.x, told.y, told.kind), abs=1e-9)
    assert (found.minimum, found.view.log) == (OWN.minimum, OWN.view.log)


@pytest.mark.parametrize("text", [TYPED["himmelblau"], "x**2 + 3*sin(y) + abs(x*y)/9 + exp(y/3)"])
def test_a_swarm_on_a_formula_is_lrd(text: str) -> None:
    on = made(text, rotation=20.0)
    spec = run("adam", on, settings={"weight_decay": 0.0})
    at = starts(on, 40)
    found = swarm(on, spec, at, 60, seed=5)
    wanted = list(trained(on, spec, at, 60, 5))[-1]
    np.testing.assert_allclose(np.stack([found.x, found.y], 1), wanted, rtol=1e-9, atol=1e-9)


def test_an_experiment_trains_on_a_formula() -> None:
    given = {"formula": " x**2 + 3*sin(y) ", "start_x": 2.0, "start_y": 0.5, "x_high": 3.0}
    spec = check_experiment(
        {"problem": "own_formula", "settings": given, "steps": 30, "speed": 0, "seed": 1}
    )
    assert spec.settings["formula"] == "x**2 + 3*sin(y)"
    row = recorded(spec).rows["r1", 30]
    assert row["loss"] == pytest.approx(row["x"] ** 2 + 3 * math.sin(row["y"]))
    assert row["loss"] < 4


@pytest.mark.parametrize(
    ("given", "start"),
    [
        ({"x_low": 10.0, "x_high": 20.0}, (11.5, 1.4)),
        ({"y_low": -9.0, "y_high": -8.0}, (-4.0, -8.4)),
        ({"x_low": 10.0, "x_high": 20.0, "start_x": 19.0}, (19.0, 1.4)),
        ({"x_low": 10.0, "x_high": 20.0, "rotation": 30.0}, (11.5, 1.4)),
        ({}, (-4.0, 1.4)),
    ],
)
def test_a_start_that_nobody_gave_lies_in_the_ranges(
    given: dict[str, Any], start: tuple[float, float]
) -> None:
    spec = check_experiment({"problem": "own_formula", "settings": given})
    found = float(spec.settings["start_x"]), float(spec.settings["start_y"])
    assert found[0] == pytest.approx(start[0], abs=1e-3)
    assert found[1] == pytest.approx(start[1])
    x, y = OWN.build(given, 0).parameters[0].tolist()
    assert isinstance(OWN, Surface)
    turn = OWN.settled(given).turn
    assert (x, y) == pytest.approx(turn.there(*found) if turn else found)


def test_a_start_that_somebody_gave_outside_is_refused() -> None:
    given = {"x_low": 10.0, "x_high": 20.0, "start_x": 1.0}
    with pytest.raises(SettingError) as error:
        check_experiment({"problem": "own_formula", "settings": given})
    assert error.value.field == "settings.start_x"


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"formula": "x +"}, "settings.formula"),
        ({"formula": 3}, "settings.formula"),
        ({"formula": "log(x) + y", "x_low": -3.0, "x_high": -1.0}, "settings.formula"),
        ({"x_low": 2.0, "x_high": 1.0}, "settings.x_high"),
        ({"start_x": 9.0}, "settings.start_x"),
        ({"y_high": 1e9}, "settings.y_high"),
    ],
)
def test_bad_settings_are_named(settings: dict[str, Any], field: str) -> None:
    with pytest.raises(SettingError) as error:
        OWN.build(settings, 0)
    assert error.value.field == field


def test_a_loss_has_a_gradient_even_where_one_coordinate_is_missing() -> None:
    built = OWN.build({"formula": "3*sin(y)"}, 0)
    built.loss(1).backward()  # type: ignore[no-untyped-call]
    gradient = built.parameters[0].grad
    assert gradient is not None
    assert gradient[0] == 0
    assert gradient[1] == pytest.approx(3 * math.cos(built.parameters[0][1].item()))
    assert isinstance(gradient, torch.Tensor)


@pytest.mark.parametrize("text", ["x**2", "sin(y)", "y"])
def test_a_formula_of_one_coordinate_is_drawn_over_the_plane(text: str) -> None:
    assert isinstance(OWN, Surface)
    surface = OWN.settled({"formula": text})
    grid = surface.grid(32)
    assert grid["z"].shape == (32, 32)
    x, y = grid["x"][5], grid["y"][20]
    value = surface.value(np.float64(x), np.float64(y), np)
    assert grid["z"][20, 5] == pytest.approx(float(value), rel=1e-4, abs=1e-4)


def test_without_a_minimum_no_distance_is_known() -> None:
    assert isinstance(OWN, Surface)
    assert math.isnan(OWN.settled({"formula": "x + y"}).distance(0.5, 0.5))
