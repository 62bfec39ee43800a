"""Slow steps on a surface show what they would have been without a mask."""

from __future__ import annotations

import math

import pytest
import torch

from lrd_core.engine.controls import Control
from lrd_core.engine.experiment import ExperimentSpec, check_experiment
from lrd_core.problems import get_problem
from tests.lrd_core.engine.recorder import Live, Recorder, trained

WATCH = Control("w", "watch", None, "all", "arrows")


def spec(speed: float, steps: int, problem: str = "beale") -> ExperimentSpec:
    runs = [
        {"optimizer": "adam", "drop_rate": 0.5},
        {"optimizer": "sgd", "settings": {"momentum": 0.9, "lr": 0.002}, "drop_rate": 0.9},
        {"optimizer": "adam"},
    ]
    given = {"problem": problem, "steps": steps, "speed": speed, "seed": 3, "runs": runs}
    return check_experiment(given)


def watched(experiment: ExperimentSpec) -> Recorder:
    return trained(experiment, scheduled=[(1, WATCH)])


def test_every_slow_step_tells_the_whole_update_and_what_was_kept() -> None:
    slow = watched(spec(9.0, 8))
    arrows = slow.views["arrows"]
    steps = [view["step"] for view in arrows]
    # A busy machine makes up for lost time by steps that are not slow.
    assert steps == sorted(set(steps))
    assert steps[0] == 1
    assert len(steps) >= 3
    start = get_problem("beale").build({}, 0).parameters[0].tolist()
    dropped = 0
    for view in arrows:
        step = view["step"]
        assert [run["run"] for run in view["runs"]] == ["r1", "r2", "r3"]
        for run in view["runs"]:
            now = slow.rows[run["run"], step]
            before = slow.rows.get((run["run"], step - 1), dict(zip("xy", start, strict=True)))
            for axis, full, kept in zip("xy", run["full"], run["kept"], strict=True):
                moved = now[axis] - before[axis]
                assert moved == (pytest.approx(full, rel=1e-9) if kept else 0)
                dropped += not kept
    # Of four coins a step a half or a tenth are kept, and all of the plain run's.
    assert len(steps) < dropped < 4 * len(steps)
    assert all(all(run["kept"]) for view in arrows for run in view["runs"] if run["run"] == "r3")


def test_of_a_first_step_the_dropped_part_is_plain_adams() -> None:
    (first, *_) = watched(spec(9.0, 2)).views["arrows"]
    position = get_problem("beale").build({}, 0)
    optimizer = torch.optim.Adam(position.parameters, lr=spec(0, 1).runs[0].settings["lr"])
    before = position.parameters[0].detach().clone()
    position.loss(1).backward()
    optimizer.step()
    wanted = (position.parameters[0].detach() - before).tolist()
    assert first["runs"][0]["full"] == pytest.approx(wanted, rel=1e-9)
    assert first["runs"][2]["full"] == pytest.approx(wanted, rel=1e-9)


def test_training_is_the_same_and_fast_steps_are_left_alone() -> None:
    slow, fast = watched(spec(9.0, 6)), watched(spec(0, 300))
    for run, step in slow.rows:
        mine, theirs = slow.rows[run, step], fast.rows[run, step]
        assert {k: v for k, v in mine.items() if not math.isnan(v)} == {
            k: v for k, v in theirs.items() if not math.isnan(v)
        }
    assert len(fast.views.get("arrows", [])) < 20


def test_nobody_looks_and_nothing_is_sent() -> None:
    assert "arrows" not in trained(spec(20.0, 3)).views
    with Live(spec(0, 20), paused=True) as live:
        live.ask(WATCH)
        live.ask(Control("s", "step"))
        live.wait_state("paused")
        live.seen.wait(lambda: "arrows" in live.seen.views)
        live.ask(Control("e", "watch", None, None, "arrows"))
        live.ask(Control("g", "step"))
        live.wait_state("paused")
    assert [view["step"] for view in live.seen.views["arrows"]] == [1]


def test_only_of_the_run_that_is_asked_for_and_of_no_task() -> None:
    one = trained(spec(9.0, 2), [(1, Control("w", "watch", "r2", "all", "arrows"))])
    assert {run["run"] for view in one.views["arrows"] for run in view["runs"]} == {"r2"}
    refused = trained(spec(0, 2, "digits"), [(1, WATCH)]).answers["w"].error
    assert refused is not None
    assert (refused["field"], refused["value"]) == ("value", "arrows")


def test_a_run_that_catches_up_tells_nothing_of_its_old_steps() -> None:
    with Live(spec(0, 200), paused=True) as live:
        live.ask(Control("s", "step", value=40))
        live.wait_state("paused")
        live.ask(WATCH)
        live.ask(Control("a", "add_run", spec={"optimizer": "adam", "drop_rate": 0.5}))
        live.seen.wait(lambda: ("r4", 40) in live.seen.rows)
        live.ask(Control("v", "speed", value=9.0))
        live.ask(Control("g", "play"))
        live.seen.wait(lambda: any(view["step"] > 40 for view in live.seen.views["arrows"]))
    assert all(view["step"] >= 40 for view in live.seen.views["arrows"])
