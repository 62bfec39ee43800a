"""Runs whose learning rate follows a schedule: the bits of one that is changed by hand."""

from __future__ import annotations

import json
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from lrd_core.engine.advance import Stepper
from lrd_core.engine.checkpoint import Vault
from lrd_core.engine.command import command, parse_run, run_text
from lrd_core.engine.controls import Control
from lrd_core.engine.experiment import (
    ExperimentSpec,
    RunSpec,
    check_experiment,
    check_run,
    default_runs,
)
from lrd_core.engine.loop import Loop
from lrd_core.engine.timeline import Changed, Past, Resume, RunRecord, spec_at
from lrd_core.engine.trainer import Trainer
from lrd_core.optim.lr_schedules import LR_SCHEDULES, lr_factor
from lrd_core.problems import get_problem
from lrd_core.settings import SettingError
from tests.lrd_core.engine.recorder import Recorder, spec, trained

STEPS, LR = 24, 0.01
STAIRS = {"schedule": "step", "schedule_settings": {"at": "6,15", "unit": "steps"}}
COSINE = {"schedule": "cosine", "schedule_settings": {"steps": 20, "floor": 0.1, "warm_up": 4}}
WARM = {"schedule_settings": {"warm_up": 6}}
RUN = {"optimizer": "adam", "settings": {"lr": LR}, "drop_rate": 0.5}
SMALL = {"problem": "digits", "settings": {"width": 8, "batch": 16}, "steps": STEPS}


def scheduled(parts: dict[str, Any], **more: Any) -> ExperimentSpec:
    return spec(**SMALL, **more, runs=[RUN | parts, RUN | {"optimizer": "sgd"}])


def losses(seen: Recorder, run: str = "r1") -> str:
    """And the learning rates that were used, to the bit."""
    return repr((seen.column(run, "loss"), seen.column(run, "lr")))


def by_hand(experiment: ExperimentSpec, lr: float, steps: range) -> list[tuple[int, Control]]:
    """Controls that set the learning rate of the schedule at each of `steps`."""
    run = experiment.runs[0]
    factor = lr_factor(run.schedule, run.schedule_settings, 1)
    assert factor is not None
    set_at = ((step, lr * factor(step)) for step in steps)
    return [(step, Control(f"s{step}", "set", "r1", "lr", lr)) for step, lr in set_at]


@pytest.mark.parametrize("parts", [STAIRS, COSINE, WARM])
@pytest.mark.parametrize("seeds", [1, 2])
def test_is_the_run_whose_learning_rate_is_set_at_every_step(
    parts: dict[str, Any], seeds: int
) -> None:
    experiment = scheduled(parts, seeds=seeds)
    controls = by_hand(experiment, LR, range(1, STEPS + 1))
    wanted = trained(scheduled({}, seeds=seeds), controls)
    found = trained(experiment)
    for run in ("r1", "r2"):
        assert losses(found, run) == losses(wanted, run)
    assert losses(found) != losses(trained(scheduled({}, seeds=seeds)))


def test_a_control_changes_what_the_schedule_is_a_part_of() -> None:
    experiment, doubled = scheduled(COSINE), Control("d", "set", "r1", "lr", 2 * LR)
    wanted = [*by_hand(experiment, LR, range(1, 9)), *by_hand(experiment, 2 * LR, range(9, 25))]
    found = trained(experiment, [(9, doubled)])
    assert losses(found) == losses(trained(scheduled({}), wanted))
    change = found.answers["d"].changes[0]
    assert (change.old, change.new) == (LR, 2 * LR)


def test_another_setting_leaves_the_schedule_as_it_is() -> None:
    experiment, control = scheduled(STAIRS), (9, Control("b", "set", "r1", "beta1", 0.5))
    wanted = trained(scheduled({}), [*by_hand(experiment, LR, range(1, 25)), control])
    assert losses(trained(experiment, [control])) == losses(wanted)


def test_epochs_are_those_of_the_data() -> None:
    # 1437 images in batches of 128: 11 steps an epoch.
    parts = {"schedule": "step", "schedule_settings": {"at": "1,2"}}
    experiment = spec(
        problem="digits", settings={"width": 8, "batch": 128}, runs=[RUN | parts], steps=24
    )
    trainer, stepper = Trainer(experiment, experiment.runs[0]), Stepper()
    found = []
    for _ in range(24):
        stepper.advance([trainer])
        trainer.end()
        groups = trainer.members[0].optimizer.param_groups
        assert [group["lr"] for group in groups] == [trainer.lr]
        found.append(trainer.lr)
    assert found == pytest.approx([LR] * 11 + [LR / 10] * 11 + [LR / 100] * 2)


def test_a_constant_learning_rate_is_never_touched() -> None:
    experiment = scheduled({})
    trainer, stepper = Trainer(experiment, experiment.runs[0]), Stepper()
    groups = trainer.members[0].optimizer.param_groups
    before = [group["lr"] for group in groups]
    for _ in range(3):
        stepper.advance([trainer])
        trainer.end()
    assert all(group["lr"] is lr for group, lr in zip(groups, before, strict=True))
    assert trainer.lr == LR


@pytest.mark.parametrize("parts", [STAIRS, COSINE])
@pytest.mark.parametrize("kept", [True, False])
def test_a_fork_goes_on_with_the_schedule(
    tmp_path: Path, parts: dict[str, Any], kept: bool
) -> None:
    experiment = scheduled(parts)
    vault = Vault(tmp_path, experiment) if kept else None
    events = [
        (5, Control("a", "set", "r1", "lr", 0.02)),
        (9, Control("k", "checkpoint")),
        (20, Control("f", "fork", "r1", value=12)),
        (21, Control("g", "fork", "r1", value=12, spec={"schedule": "constant"})),
    ]
    seen = Recorder()
    Loop(experiment, seen, scheduled=events, stay=False, vault=vault).run()
    assert not any(answer.error for answer in seen.answers.values())
    assert repr(seen.column("r3", "loss")) == repr(seen.column("r1", "loss")[12:])
    assert seen.column("r4", "loss")[2:] != seen.column("r1", "loss")[14:]
    told = seen.answers["g"].run
    assert told is not None
    assert (told["schedule"], told["schedule_settings"]) == ("constant", {"warm_up": 0})
    for part in seen.made_again["r3"]:
        assert repr(part.losses) == repr(
            [seen.rows[part.run, part.first + i]["loss"] for i in range(len(part.losses))]
        )


@pytest.mark.parametrize("parts", [STAIRS, COSINE])
@pytest.mark.parametrize("kept", [True, False])
def test_resumed_it_makes_the_same_bits(tmp_path: Path, parts: dict[str, Any], kept: bool) -> None:
    experiment = scheduled(parts)
    events = [(5, Control("a", "set", "r1", "lr", 0.02)), (9, Control("k", "checkpoint"))]
    whole = trained(experiment, events)
    vault = Vault(tmp_path, experiment) if kept else None
    cut = spec(**{**SMALL, "steps": 17}, runs=[RUN | parts, RUN | {"optimizer": "sgd"}])
    first = Recorder()
    Loop(cut, first, scheduled=events, stay=False, vault=vault).run()
    records = []
    for run in experiment.runs:
        changes = [Changed(5, "lr", 0.02)] if run.id == "r1" else []
        # What was stored has travelled as JSON.
        past = Past(RunSpec(**json.loads(json.dumps(asdict(run)))), changes)
        records.append(RunRecord(past, spec_at(past, 17), "running", 17))
    if vault is not None:
        vault.forget("r1", 9)
    seen = Recorder()
    resume = Resume(17, STEPS, 0.0, records)
    thread = threading.Thread(
        target=Loop(experiment, seen, stay=False, vault=vault, resume=resume).run, daemon=True
    )
    thread.start()
    thread.join(60)
    assert not thread.is_alive()
    for run in ("r1", "r2"):
        assert repr(seen.column(run, "loss")) == repr(whole.column(run, "loss")[17:])


def test_an_experiment_that_is_extended_keeps_its_past() -> None:
    short, parts = {**SMALL, "steps": 12}, {"schedule": "cosine"}
    experiment = spec(**short, runs=[RUN | parts])
    more = [(10, Control("more", "extend", value=12))]
    found = trained(experiment, more)
    again = spec(**SMALL, runs=[RUN | parts | {"schedule_settings": {"steps": 12}}])
    assert losses(found) == losses(trained(again))
    # The command line of the extended experiment says so, too.
    longer = ExperimentSpec(**{**vars(experiment), "steps": 24})
    assert "schedule.steps=12" in command(longer)


@pytest.mark.parametrize("name", LR_SCHEDULES)
def test_a_command_line_says_the_schedule(name: str) -> None:
    values = {"at": "3,50", "unit": "steps", "factor": 0.25, "steps": 77, "floor": 0.5}
    known = {setting.name for setting in LR_SCHEDULES[name].settings}
    settings = {k: v for k, v in (values | {"warm_up": 5}).items() if k in known}
    given = RUN | {"schedule": name, "schedule_settings": settings}
    run = check_run(given, 0, {})
    assert run.schedule_settings == settings
    assert check_run(parse_run(run_text(run)), 0, {}) == run


def test_one_milestone_and_the_usual_settings_come_back_from_text() -> None:
    for parts in ({"at": 7}, {}):
        given = RUN | {"schedule": "step", "schedule_settings": parts}
        run = check_run(given, 0, {})
        assert check_run(parse_run(run_text(run)), 0, {}) == run
    assert "schedule" not in run_text(check_run(RUN, 0, {}))


def test_a_bad_schedule_names_the_run() -> None:
    bad = RUN | {"schedule": "step", "schedule_settings": {"at": "9,3"}}
    with pytest.raises(SettingError) as raised:
        check_experiment({"problem": "digits", "runs": [RUN, bad]})
    assert raised.value.field == "runs.1.schedule_settings.at"
    on_surface = {"optimizer": "adam", "schedule": "step"}
    with pytest.raises(SettingError) as raised:
        check_experiment({"problem": "beale", "runs": [on_surface]})
    assert raised.value.field == "runs.0.schedule_settings.unit"
    added = trained(spec(steps=3), [(2, Control("a", "add_run", spec=on_surface))])
    error = added.answers["a"].error
    assert error is not None
    assert error["field"] == "spec.schedule_settings.unit"


@pytest.mark.parametrize("name", ["cifar10-resnet34", "cifar100-densenet121"])
def test_the_papers_tasks_suggest_its_schedule(name: str) -> None:
    problem = get_problem(name)
    for slot, given in enumerate(default_runs(name)):
        run = check_run(given, slot, problem.suggested_lr, problem.kind, problem.steps)
        factor = lr_factor(run.schedule, run.schedule_settings, 390)
        assert factor is not None
        at = [factor(step) for step in (39_000, 39_001, 58_500, 58_501)]
        assert at == pytest.approx([1, 0.1, 0.1, 0.01])
