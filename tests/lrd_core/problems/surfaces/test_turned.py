"""Turned surfaces: formula, points, view and start go round together."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from lrd_core.engine.experiment import check_experiment
from lrd_core.problems import PROBLEMS, Surface, get_problem
from lrd_core.problems.turn import Turn
from lrd_core.settings import SettingError
from tests.lrd_core.engine.recorder import trained

SURFACES = [problem for problem in PROBLEMS.values() if isinstance(problem, Surface)]
every_surface = pytest.mark.parametrize("surface", SURFACES, ids=lambda surface: surface.name)


def surface_of(name: str) -> Surface:
    found = get_problem(name)
    assert isinstance(found, Surface)
    return found


@every_surface
@pytest.mark.parametrize("degrees", [-150.0, 17.0, 45.0, 90.0])
def test_values_and_points_go_round_and_stay_in_sight(surface: Surface, degrees: float) -> None:
    turned = surface.settled({"rotation": degrees})
    assert turned is surface.settled({"rotation": degrees})
    assert turned.turn is not None
    assert turned.untouched is not None
    surface = turned.untouched
    rng = np.random.default_rng(3)
    x, y = rng.uniform(*surface.view.x, 50), rng.uniform(*surface.view.y, 50)
    moved = turned.value(*turned.turn.there(x, y), np)
    assert moved == pytest.approx(surface.value(x, y, np), rel=1e-9, abs=1e-9)
    assert [point.kind for point in turned.view.points] == [p.kind for p in surface.view.points]
    for before, after in zip(surface.view.points, turned.view.points, strict=True):
        assert (after.x, after.y) == turned.turn.there(before.x, before.y)
    inside = [(point.x, point.y) for point in turned.view.points] + [turned.start]
    for x_there, y_there in inside:
        assert turned.view.x[0] < x_there < turned.view.x[1]
        assert turned.view.y[0] < y_there < turned.view.y[1]
    was, now = (np.diff(v.x)[0] / np.diff(v.y)[0] for v in (surface.view, turned.view))
    assert now == pytest.approx(was)
    assert np.diff(turned.view.x)[0] < 1.5 * np.diff(surface.view.x)[0]


def test_the_saddle_turned_by_45_degrees_is_the_turned_saddle() -> None:
    x, y = np.meshgrid(np.linspace(-2, 2, 21), np.linspace(-2, 2, 21))
    wanted = surface_of("turned_saddle").value(x, y, np)
    found = surface_of("saddle").settled({"rotation": 45.0}).value(x, y, np)
    assert found == pytest.approx(wanted, rel=1e-12, abs=1e-12)


def test_quarters_and_eighths_are_exact() -> None:
    assert [Turn(90.0 * k, (0.0, 0.0)).there(3.0, 1.0) for k in range(-2, 3)] == [
        (-3.0, -1.0),
        (1.0, -3.0),
        (3.0, 1.0),
        (-1.0, 3.0),
        (-3.0, -1.0),
    ]
    for degrees in (45.0, -45.0, 135.0, -135.0):
        turn = Turn(degrees, (0.0, 0.0))
        assert abs(turn.cosine) == abs(turn.sine) == math.sqrt(0.5)


@pytest.mark.parametrize(("rotation", "leaves"), [(0.0, False), (45.0, True), (90.0, False)])
def test_whether_dropping_leaves_a_ridge_depends_on_the_angle(
    rotation: float, leaves: bool
) -> None:
    given = [{"optimizer": "adam"}, {"optimizer": "adam", "drop_rate": 0.5}]
    spec = check_experiment(
        {
            "problem": "saddle",
            "settings": {"start_x": -1.5, "start_y": 0.0, "rotation": rotation},
            "steps": 500,
            "speed": 0,
            "runs": given,
        }
    )
    rows = trained(spec).rows
    plain, dropped = (rows[run.id, 500]["loss"] for run in spec.runs)
    assert plain == pytest.approx(1.0, abs=1e-6)
    assert dropped < 0.05 if leaves else dropped == pytest.approx(1.0, abs=1e-6)


def test_a_start_turns_with_its_surface() -> None:
    built = surface_of("saddle").build({"start_x": -2.0, "start_y": 0.0, "rotation": 90.0}, 0)
    assert built.parameters[0].tolist() == [0.0, -2.0]
    loss = built.loss(1)
    loss.backward()  # type: ignore[no-untyped-call]
    assert loss.item() == pytest.approx(5.0)
    gradient = built.parameters[0].grad
    assert gradient is not None
    torch.testing.assert_close(gradient, torch.tensor([0.0, -4.0], dtype=torch.float64))


@pytest.mark.parametrize(
    ("settings", "field", "words"),
    [
        ({"rotation": 181.0}, "settings.rotation", r"\[-180, 180\]"),
        ({"start_x": 2.7}, "settings.start_x", r"\[-2.6, 2.6\]"),
        ({"start_x": 2.5, "rotation": 90.0}, "settings.start_y", "in the drawn view"),
        ({"start_y": math.nan}, "settings.start_y", "finite"),
    ],
)
def test_bad_values_are_named(settings: dict[str, float], field: str, words: str) -> None:
    with pytest.raises(SettingError, match=words) as error:
        surface_of("saddle").build(settings, 0)
    assert error.value.field == field
