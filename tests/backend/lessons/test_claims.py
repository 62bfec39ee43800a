"""What lessons say you should see on surfaces is what their own experiments do.

The figures over many seeds were taken with `lrd run`; here experiments train as the page starts
them, with their first seed, for as long as it takes to see.
"""

from __future__ import annotations

import math
from typing import Any

from backend.lessons import TEXTS, read
from lrd_core.engine.experiment import check_experiment
from lrd_core.problems import Surface, get_problem
from tests.lrd_core.engine.recorder import trained

#: "Arrived" in the lessons' words, where they give no other number.
NEAR = 0.001


def losses(file: str, label: str | None = None, steps: int = 600) -> list[list[float]]:
    """The first losses of every run: of the lesson's experiment, or of a button's."""
    lesson = read(TEXTS / file)
    given: dict[str, Any] | None = lesson.experiment
    if label is not None:
        buttons = [one for step in lesson.steps for one in step.tries]
        given = next(one for one in buttons if one.label == label).experiment
    assert given is not None
    parts = {name: value for name, value in given.items() if name != "paused"}
    spec = check_experiment(parts | {"speed": 0.0, "steps": steps})
    assert isinstance(get_problem(spec.problem), Surface)
    seen = trained(spec)
    return [seen.column(run.id, "loss") for run in spec.runs]


def arrival(loss: list[float], near: float = NEAR) -> float:
    """The first step with a loss below `near`; infinity if there is none."""
    return next((step for step, value in enumerate(loss, 1) if value < near), math.inf)


def test_the_ravine_has_a_limit_that_dropping_does_not_move() -> None:
    plain, dropped, fair = losses("02-ravine.md")
    assert arrival(plain) == 434
    assert 0.008 <= dropped[-1] <= 0.02
    assert 0.0145 < fair[-1] < 0.0155
    plain, dropped, fair = losses("02-ravine.md", "Just above it: lr 0.021", 420)
    assert plain[-1] > dropped[-1] > 1e15
    assert arrival(fair) == 414


def test_a_saddle_is_left_where_it_is_turned() -> None:
    still = losses("03-saddles.md", "Not turned: the same three", 400)
    assert [loss[-1] < 0.01 for loss in still] == [False, False, True]
    plain, dropped, fair = losses("03-saddles.md", "Turn the saddle")
    assert plain[-1] >= 1
    assert fair[-1] >= 1
    assert 350 <= arrival(dropped, 0.01) <= 769


def test_two_valleys_are_crossed_with_some_seeds() -> None:
    plain, dropped, fair = losses("04-local-minima.md", steps=120)
    assert [loss[-1] < NEAR for loss in (plain, dropped, fair)] == [True, False, False]
    for label, across in (("Seed 1", False), ("Seed 2", True), ("Seed 3", True)):
        dropped = losses("04-local-minima.md", label, 200)[1]
        assert (dropped[-1] < 0.1) == across, label


def test_stale_momentum_throws_a_run_out_of_the_ravine() -> None:
    plain, dropped, fair = losses("07-momentum.md", "lr 0.02: plain, dropout, fair", 200)
    assert (arrival(plain), arrival(fair)) == (99, 97)
    assert dropped[-1] > 1e10
    label = "lr 0.02: dropout, and with momentum forgotten"
    _, _, forgetful = losses("07-momentum.md", label, 309)
    assert 214 <= arrival(forgetful) <= 309
