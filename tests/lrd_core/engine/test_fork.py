"""Forks, replays and resumed experiments make the very bits that training without them makes."""

from __future__ import annotations

import random
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from lrd_core.engine.checkpoint import Vault
from lrd_core.engine.controls import Control
from lrd_core.engine.experiment import ExperimentSpec, RunSpec
from lrd_core.engine.loop import Loop
from lrd_core.engine.timeline import Changed, Past, Resume, RunRecord, spec_at
from lrd_core.optim.policies import POLICIES
from lrd_core.optim.rules import RULES
from lrd_core.settings import Setting
from tests.lrd_core.engine.recorder import Live, Recorder, spec, trained

#: Problems with the settings that make their steps short.
PROBLEMS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("beale", {}),
    ("rosenbrock", {}),
    ("saddle", {}),
    ("digits", {"width": 8, "batch": 16}),
    ("spirals", {"width": 8, "batch": 16}),
    ("matrix-factorisation", {"size": 6, "rank": 2, "factors": 2}),
)
STEPS = 24


def drawn(setting: Setting, dice: random.Random) -> float | int:
    """A value near the default: any is allowed, extreme ones diverge at once."""
    value = setting.default * dice.uniform(0.6, 1.0)
    return round(value) if setting.kind == "int" else value


def numeric(settings: Sequence[Setting]) -> list[Setting]:
    return [s for s in settings if s.live and s.kind == "float" and s.name != "lr" and s.default]


def case(number: int) -> tuple[ExperimentSpec, list[tuple[int, Control]], int, int]:
    """A random experiment of one run with its changes, the step to fork at, and when."""
    dice = random.Random(number)
    problem, settings = PROBLEMS[number % len(PROBLEMS)]
    rule = dice.choice(sorted(RULES))
    policy = dice.choice(sorted(POLICIES))
    run = {
        "optimizer": rule,
        "policy": policy,
        "drop_rate": dice.choice([0.0, 0.3, 0.5, 0.9]),
        "rescale": dice.random() < 0.2,
    }
    experiment = spec(
        problem=problem,
        settings=settings,
        seed=number,
        runs=[run],
        steps=STEPS,
        seeds=dice.choice([1, 1, 2]) if problem in ("digits", "spirals") else 1,
        shared_masks=dice.random() < 0.7,
        test_every=dice.choice([3, 10]),
    )
    asked_at = dice.randint(2, STEPS)
    shared = dice.randint(0, asked_at - 1)
    changes = []
    for place in range(dice.randint(0, 3)):
        live = numeric(RULES[rule].settings)
        if live and dice.random() < 0.5:
            chosen = dice.choice(live)
            name, value = chosen.name, drawn(chosen, dice)
        else:
            name, value = "drop_rate", dice.choice([0.0, 0.2, 0.7])
        step = dice.randint(1, STEPS)
        changes.append((step, Control(f"c{place}", "set", "r1", name, value)))
    return experiment, changes, shared, asked_at


@pytest.mark.parametrize("block", range(8))
def test_a_fork_with_unchanged_settings_is_its_parent_to_the_bit(
    tmp_path: Path, block: int
) -> None:
    for number in range(25 * block, 25 * (block + 1)):
        experiment, changes, shared, asked_at = case(number)
        vault = Vault(tmp_path / str(number), experiment) if number % 2 else None
        fork = Control("fork", "fork", "r1", value=shared)
        # Checkpoints at two steps of their own, so that replays begin in the middle as well.
        kept = [(step, Control(f"k{step}", "checkpoint")) for step in (5, 12)]
        seen = Recorder()
        scheduled = [*changes, *kept, (asked_at, fork)]
        Loop(experiment, seen, scheduled=scheduled, stay=False, vault=vault).run()
        refused = {id: a.error for id, a in seen.answers.items() if a.error}
        if "fork" in refused:  # it had diverged before
            assert min(s for (_, s), v in seen.rows.items() if v["loss"] != v["loss"]) <= shared
            continue
        later = [s for s, c in changes if s > shared and c.id not in refused]
        until = min([STEPS, *(step - 1 for step in later)])
        told = seen.answers["fork"]
        assert told.run is not None
        assert (told.run["parent"], told.run["fork_step"], told.step) == ("r1", shared, shared + 1)
        assert ("r2", shared) not in seen.rows
        for step in range(shared + 1, until + 1):
            parent, child = seen.rows.get(("r1", step)), seen.rows.get(("r2", step))
            if parent is None:  # diverged
                assert child is None
                continue
            assert child is not None, f"case {number}, step {step}"
            # repr: equal to the bit, NaN as well
            assert repr(parent) == repr(child), f"case {number}, step {step}"
        for part in seen.made_again.get("r2", []):
            recorded = [
                seen.rows[part.run, part.first + i]["loss"] for i in range(len(part.losses))
            ]
            assert repr(part.losses) == repr(recorded), f"case {number}"


THREE = [
    {"optimizer": "adam", "drop_rate": 0.5},
    {"optimizer": "sgd", "settings": {"lr": 0.001, "momentum": 0.9}, "policy": "per_row"},
    {"optimizer": "lion", "drop_rate": 0.2},
]
LATE = {"optimizer": "rmsprop", "drop_rate": 0.3}
EVENTS = [
    (6, Control("a", "set", "r1", "drop_rate", 0.25)),
    (9, Control("b", "add_run", spec=LATE)),
    (13, Control("c", "set", None, "lr", 0.002)),
    (15, Control("d", "fork", "r2", value=10, spec={"drop_rate": 0.4})),
    (17, Control("e", "remove_run", "r3")),
]


def recorded(experiment: ExperimentSpec, seen: Recorder) -> Resume:
    """What a store would know of `seen`: first settings, changes in order, the last rows."""
    pasts = {run.id: Past(run) for run in experiment.runs}
    answers = [seen.answers[control.id] for _, control in EVENTS if control.id in seen.answers]
    for answer in answers:
        if answer.run is not None:
            parts = {name: value for name, value in answer.run.items() if name != "mask_seed"}
            pasts[parts["id"]] = Past(RunSpec(**parts))
        for change in answer.changes:
            if change.run is not None and change.setting != "run" and change.new is not None:
                pasts[change.run].changes.append(Changed(change.step, change.setting, change.new))
    steps = {run: max((s for r, s in seen.rows if r == run), default=0) for run in pasts}
    states = {status.id: status.state for status in seen.statuses[-1].runs}
    records = []
    for run, past in pasts.items():
        step = max(steps[run], past.spec.fork_step)
        records.append(RunRecord(past, spec_at(past, STEPS), states[run], step))
    return Resume(max(steps.values()), experiment.steps, experiment.speed, records)


def go_on(
    experiment: ExperimentSpec,
    seen: Recorder,
    events: Sequence[tuple[int, Control]],
    vault: Vault | None,
    known: Resume,
) -> None:
    """Resume as a worker does: paused; play once everybody is back."""
    seen.statuses.clear()
    loop = Loop(experiment, seen, True, events, stay=True, vault=vault, resume=known)
    thread = threading.Thread(target=loop.run, daemon=True)
    thread.start()

    def together(step: int) -> bool:
        runs = seen.statuses[-1].runs if seen.statuses else []
        training = [run for run in runs if run.state in ("running", "finished")]
        return bool(training) and all(run.step == step for run in training)

    seen.wait(lambda: together(known.step))
    loop.post(Control("play", "play"))
    seen.wait(lambda: together(STEPS))
    loop.post(Control("end", "stop"))
    thread.join(60)
    assert not thread.is_alive()


@pytest.mark.parametrize("with_vault", [True, False])
@pytest.mark.parametrize(("problem", "settings"), [PROBLEMS[0], PROBLEMS[3]])
def test_an_experiment_that_was_broken_off_anywhere_ends_as_if_it_had_not_been(
    tmp_path: Path, problem: str, settings: dict[str, Any], with_vault: bool
) -> None:
    experiment = spec(problem=problem, settings=settings, runs=THREE, steps=STEPS, seed=3)
    whole = Recorder()
    Loop(experiment, whole, scheduled=EVENTS, stay=False).run()
    assert {run for run, _ in whole.rows} == {"r1", "r2", "r3", "r4", "r5"}
    for broken_at in (2, 9, 10, 14, 16, 18, 22):
        vault = Vault(tmp_path / str(broken_at), experiment) if with_vault else None
        seen = Recorder()
        before = [event for event in EVENTS if event[0] <= broken_at]
        stop = Control("stop", "stop")
        kept = [(step, Control(f"k{step}", "checkpoint")) for step in (5, 12)]
        scheduled = [*before, *kept, (broken_at, stop)]
        Loop(experiment, seen, scheduled=scheduled, stay=False, vault=vault).run()
        known = recorded(experiment, seen)
        after = [event for event in EVENTS if event[0] > broken_at]
        go_on(experiment, seen, after, vault, known)
        assert not seen.repeated
        assert repr(sorted(seen.rows.items())) == repr(sorted(whole.rows.items())), broken_at
        for parts in seen.made_again.values():
            for part in parts:
                losses = [
                    seen.rows[part.run, part.first + i]["loss"] for i in range(len(part.losses))
                ]
                assert repr(losses) == repr(part.losses)


def test_a_setting_waits_for_a_fork_that_is_made_again() -> None:
    experiment = spec(problem="beale", runs=THREE[:1], steps=400)
    with Live(experiment) as live:
        live.wait_state("finished")
        live.loop.post(Control("f", "fork", "r1", value=300))
        answer = live.ask(Control("s", "set", "r2", "drop_rate", 0.0))
        assert answer.error is None
        assert answer.step >= 301
        live.seen.wait(lambda: ("r2", 400) in live.seen.rows)
    rates = [live.seen.rows["r2", step]["drop_rate"] for step in range(301, 401)]
    assert rates == [0.5] * (answer.step - 301) + [0.0] * (401 - answer.step)


def test_a_fork_of_a_fork_and_its_own_masks() -> None:
    experiment = spec(problem="digits", settings=PROBLEMS[3][1], runs=THREE, shared_masks=False)
    forks = [
        (20, Control("f", "fork", "r2", value=8)),
        (30, Control("g", "fork", "r4", value=15, spec={"label": "again"})),
        (31, Control("h", "fork", "r4", value=4)),
    ]
    seen = trained(experiment, forks)
    for run, shared in (("r4", 8), ("r5", 15), ("r6", 4)):
        for step in range(shared + 1, experiment.steps + 1):
            assert repr(seen.rows[run, step]) == repr(seen.rows["r2", step])
    told = seen.answers["g"].run
    assert told is not None
    assert (told["label"], told["parent"], told["mask_slot"], told["slot"]) == ("again", "r4", 1, 4)
    assert [part.run for part in seen.made_again["r5"]] == ["r2", "r4"]


def test_a_fork_cannot_begin_where_its_parent_had_diverged() -> None:
    runs = [{"optimizer": "sgd", "settings": {"lr": 900.0}}, {"optimizer": "adam"}]
    seen = trained(spec(problem="beale", runs=runs), [(30, Control("f", "fork", "r1", value=29))])
    error = seen.answers["f"].error
    assert error is not None
    assert error["field"] == "value"
    last = max(step for run, step in seen.rows if run == "r1")
    assert error["allowed"] == f"a step of r1 in [0, {last - 1}]"


def test_what_was_kept_of_steps_that_nobody_recorded_is_forgotten(tmp_path: Path) -> None:
    experiment = spec(problem="beale", runs=THREE[:1], steps=STEPS)
    vault, seen = Vault(tmp_path, experiment), Recorder()
    Loop(experiment, seen, stay=False, vault=vault).run()
    assert STEPS in [kept.step for kept in vault.list("r1")]
    run = experiment.runs[0]
    known = Resume(10, STEPS, 0.0, [RunRecord(Past(run), run, "running", 10)])
    again = Recorder()
    change = (11, Control("c", "set", "r1", "drop_rate", 0.0))
    Loop(experiment, again, scheduled=[change], stay=False, vault=vault, resume=known).run()
    assert vault.newest("r1", STEPS).spec.drop_rate == 0.0  # type: ignore[union-attr]


def test_a_fork_before_a_forks_own_first_step_is_one_of_its_parent() -> None:
    with Live(spec(problem="booth", runs=[{"optimizer": "adam"}], steps=30), paused=True) as live:
        live.ask(Control("s", "step", value=20))
        live.wait_state("paused")
        live.ask(Control("f", "fork", "r1", value=10, spec={"drop_rate": 0.5}))
        early = live.ask(Control("g", "fork", "r2", value=4)).run
        late = live.ask(Control("h", "fork", "r2", value=10)).run
    assert early is not None
    assert (early["parent"], early["fork_step"], early["drop_rate"]) == ("r1", 4, 0.0)
    assert late is not None
    assert (late["parent"], late["fork_step"], late["drop_rate"]) == ("r2", 10, 0.5)
