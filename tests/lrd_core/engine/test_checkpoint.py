"""Checkpoints: whole or absent, of their own experiment only, thinned by age within a budget."""

from __future__ import annotations

import itertools
import json
import logging
import os
import random
from dataclasses import replace
from pathlib import Path

import pytest
import safetensors
import torch

from lrd_core.engine import checkpoint
from lrd_core.engine.advance import Stepper
from lrd_core.engine.checkpoint import Vault, steps_of
from lrd_core.engine.experiment import ExperimentSpec
from lrd_core.engine.keeping import Keeper
from lrd_core.engine.thinning import NEWEST, Kept, surplus
from lrd_core.engine.trainer import Snapshot, Trainer
from tests.lrd_core.engine.recorder import spec

DIGITS = {"width": 8, "batch": 16}


def experiment(seed: int = 0) -> ExperimentSpec:
    runs = [{"optimizer": "adam", "drop_rate": 0.5}]
    return spec(problem="digits", settings=DIGITS, runs=runs, seed=seed)


def advance(trainer: Trainer, steps: int = 1) -> None:
    stepper = Stepper()
    for _ in range(steps):
        stepper.advance([trainer])
        trainer.end()


def trainer(steps: int, seed: int = 0) -> Trainer:
    made = Trainer(experiment(seed), experiment(seed).runs[0])
    advance(made, steps)
    return made


def equal(one: Snapshot, other: Snapshot) -> bool:
    assert one.tensors.keys() == other.tensors.keys()
    same = all(torch.equal(tensor, other.tensors[name]) for name, tensor in one.tensors.items())
    return same and replace(one, tensors={}) == replace(other, tensors={})


def test_a_snapshot_comes_back_as_it_was_and_training_goes_on_from_it(tmp_path: Path) -> None:
    first = trainer(7)
    snapshot = first.capture()
    Vault(tmp_path / "deep" / "er", experiment()).save(snapshot)
    found = Vault(tmp_path / "deep" / "er", experiment()).newest("r1", 7)
    assert found is not None
    assert equal(found, snapshot)
    second = trainer(0)
    second.restore(found)
    for one in (first, second):
        advance(one, 5)
    assert equal(first.capture(), second.capture())


def test_a_file_needs_nothing_but_safetensors_to_be_read(tmp_path: Path) -> None:
    vault = Vault(tmp_path, experiment())
    vault.save(trainer(3).capture())
    [file] = vault.list("r1")
    with safetensors.safe_open(file.path, framework="numpy") as opened:
        about = json.loads(opened.metadata()["lrd"])
        shape = opened.get_tensor("0.parameter.0").shape
    assert (about["run"], about["step"], about["spec"]["drop_rate"]) == ("r1", 3, 0.5)
    assert shape == (8, 64)


def test_a_write_that_breaks_off_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault = Vault(tmp_path, experiment())

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint.os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            vault.save(trainer(3).capture())
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert vault.newest("r1", 3) is None
    vault.save(trainer(3).capture())
    assert [one.step for one in vault.list("r1")] == [3]


def test_what_a_crash_left_half_written_is_not_looked_at(tmp_path: Path) -> None:
    vault = Vault(tmp_path, experiment())
    vault.save(trainer(2).capture())
    [file] = vault.list("r1")
    file.path.with_name(f"{5:012d}.safetensors.77.part").write_bytes(b"half")
    (tmp_path / "r1" / "notes.txt").write_text("mine")
    assert [found.step for found in vault.list("r1")] == [2]
    assert steps_of(tmp_path) == {"r1": [2]}


def test_what_a_crash_left_half_written_goes_when_its_experiment_goes_on(tmp_path: Path) -> None:
    Vault(tmp_path, experiment()).save(trainer(2).capture())
    [file] = Vault(tmp_path, experiment()).list("r1")
    # One of an earlier process, one of a process that had this one's number.
    left = [file.path.with_name(f"{5:012d}.safetensors.{pid}.part") for pid in (77, os.getpid())]
    mine = tmp_path / "r1" / "mine.part"
    for path in (*left, mine):
        path.write_bytes(b"half")
    Vault(tmp_path, experiment())
    assert sorted(path.name for path in (tmp_path / "r1").iterdir()) == [file.path.name, mine.name]


def test_what_is_being_written_stays_when_a_vault_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fsync = os.fsync

    def opened_meanwhile(file: int) -> None:
        assert len(list(tmp_path.rglob("*.part"))) == 1
        Vault(tmp_path, experiment())
        fsync(file)

    vault = Vault(tmp_path, experiment())
    monkeypatch.setattr(checkpoint.os, "fsync", opened_meanwhile)
    vault.save(trainer(3).capture())
    assert [one.step for one in vault.list("r1")] == [3]
    assert list(tmp_path.rglob("*.part")) == []


@pytest.mark.parametrize("damage", [b"", b"\x08\x00\x00\x00\x00\x00\x00\x00{}      ", None])
def test_a_broken_file_is_left_out_for_an_earlier_one(
    tmp_path: Path, damage: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    vault = Vault(tmp_path, experiment())
    for step in (2, 4):
        vault.save(trainer(step).capture())
    path = vault.list("r1")[-1].path
    path.write_bytes(path.read_bytes()[:-9] if damage is None else damage)
    with caplog.at_level(logging.WARNING):
        found = vault.newest("r1", 10)
    assert found is not None
    assert found.step == 2
    assert str(path) in caplog.text


def test_another_experiments_file_is_not_taken(tmp_path: Path) -> None:
    Vault(tmp_path, experiment(seed=1)).save(trainer(3, seed=1).capture())
    assert Vault(tmp_path, experiment()).newest("r1", 3) is None
    assert Vault(tmp_path, experiment(seed=1)).newest("r1", 3) is not None


def test_the_newest_that_is_asked_for(tmp_path: Path) -> None:
    vault = Vault(tmp_path, experiment())
    for step in (2, 5, 9):
        vault.save(trainer(step).capture())
    found = [vault.newest("r1", last, first) for last, first in ((9, 0), (8, 0), (8, 6), (1, 0))]
    assert [one and one.step for one in found] == [9, 5, None, None]
    vault.forget("r1", 5)
    assert [one.step for one in vault.list("r1")] == [2, 5]


def test_the_first_state_of_a_step_stays_and_may_be_pinned_later(tmp_path: Path) -> None:
    vault, one = Vault(tmp_path, experiment()), trainer(3)
    vault.save(one.capture())
    one.apply(one.prepare("drop_rate", 0.25))
    vault.save(one.capture(), pinned=True)
    [kept] = vault.list("r1")
    assert kept.pinned
    found = vault.newest("r1", 3)
    assert found is not None
    assert found.spec.drop_rate == 0.5  # from before the change


def test_a_vault_keeps_to_its_budget(tmp_path: Path) -> None:
    one = trainer(0)
    Vault(tmp_path / "once", experiment()).save(trainer(1).capture())
    size = Vault(tmp_path / "once", experiment()).list("r1")[0].size
    vault = Vault(tmp_path / "kept", experiment(), budget=6 * size + size // 2)
    for step in range(1, 31):
        advance(one)
        vault.save(one.capture(), pinned=step == 3)
    steps = [kept.step for kept in vault.list("r1")]
    assert len(steps) == 6
    assert steps[-NEWEST:] == [29, 30]
    assert 3 in steps


def test_a_vault_keeps_so_many_of_a_run_however_small(tmp_path: Path) -> None:
    one, vault = trainer(0), Vault(tmp_path, experiment(), most=6)
    for step in range(1, 31):
        advance(one)
        vault.save(one.capture(), pinned=step == 3)
    steps = [kept.step for kept in vault.list("r1")]
    assert len(steps) == 6
    assert steps[-NEWEST:] == [29, 30]
    assert 3 in steps


def test_a_keeper_writes_at_its_interval_and_never_while_a_run_replays(tmp_path: Path) -> None:
    vault = Vault(tmp_path, experiment())
    keeper, one = Keeper(vault, interval=0.0), trainer(0)
    keeper.keep([one], pinned=True)
    assert vault.list("r1") == []  # the start is made, not kept
    advance(one)
    keeper.stepped(one)
    keeper.stepped(one)
    assert [kept.step for kept in vault.list("r1")] == [1]
    Keeper(None).keep([one])


def kept(*steps: int, pinned: tuple[int, ...] = (), run: str = "r1") -> list[Kept]:
    return [Kept(run, step, 10, step in pinned) for step in steps]


def left(checkpoints: list[Kept], budget: int, most: int = 1000) -> list[int]:
    gone = set(surplus(checkpoints, budget, most))
    return [one.step for i, one in enumerate(checkpoints) if i not in gone]


def one_by_one(checkpoints: list[Kept], budget: int, most: int) -> list[Kept]:
    """What `surplus` leaves, by its definition: look at all of them anew for each one that goes."""

    def goes(rest: list[Kept], runs: set[str]) -> bool:
        costs = []
        for run in runs:
            row = [one for one in rest if one.run == run]
            for before, one, after in zip([None, *row], row, row[1:-1], strict=False):
                gap = after.step - (before.step if before else 0)
                costs.append((one.pinned, gap / (row[-1].step - one.step), run, one))
        if costs:
            rest.remove(min(costs, key=lambda cost: cost[:3])[3])
        return bool(costs)

    rest, runs = list(checkpoints), {one.run for one in checkpoints}
    for run in runs:
        while sum(one.run == run for one in rest) > most and goes(rest, {run}):
            pass
    while sum(one.size for one in rest) > budget and goes(rest, runs):
        pass
    return rest


def test_what_goes_is_each_time_what_costs_least() -> None:
    dice = random.Random(5)
    for _ in range(60):
        checkpoints = [
            Kept(run, step, dice.randint(1, 20), dice.random() < 0.2)
            for run in ("r1", "r2", "r3")
            for step in sorted(dice.sample(range(1, 10**6), dice.randint(0, 40)))
        ]
        budget, most = dice.choice([0, 150, 10**6]), dice.choice([1, 5, 20, 1000])
        gone = set(surplus(checkpoints, budget, most))
        rest = [one for index, one in enumerate(checkpoints) if index not in gone]
        assert rest == one_by_one(checkpoints, budget, most)


def test_a_run_keeps_so_many_whatever_room_there_is() -> None:
    steps = left(kept(*range(10, 100_010, 10)), 10**9, 50)
    assert len(steps) == 50
    gaps = [later - step for step, later in itertools.pairwise(steps)]
    ages = [100_000 - step for step in steps]
    assert all(gap <= 0.5 * age for gap, age in zip(gaps, ages, strict=False) if age > 40)
    assert left(kept(10, 20, 30, 40, 50, 60, pinned=(20, 30)), 10**9, 4) == [20, 30, 50, 60]
    other = [*kept(*range(10, 70, 10)), *kept(5, 6, 7, run="r2")]
    assert [one for one in left(other, 10**9, 3) if one < 10] == [5, 6, 7]


def test_gaps_grow_with_age() -> None:
    steps = left(kept(*range(10, 1010, 10)), 150)
    assert len(steps) == 15
    ages = [1000 - step for step in steps]
    gaps = [later - step for step, later in itertools.pairwise(steps)]
    # Wherever one wants to go back to, the replay takes at most a share of the way back.
    assert all(gap <= 0.6 * age for gap, age in zip(gaps, ages, strict=False) if age > 40)
    assert steps[-1] == 1000


def test_pinned_ones_go_last_and_the_newest_never() -> None:
    checkpoints = kept(10, 20, 30, 40, 50, 60, pinned=(20, 30))
    assert left(checkpoints, 40) == [20, 30, 50, 60]
    assert len(left(checkpoints, 30)) == 3
    assert left(checkpoints, 0) == [50, 60]
    assert surplus(checkpoints, 60) == []


def test_every_run_keeps_its_newest() -> None:
    checkpoints = [*kept(10, 20, 30), *kept(5, 6, 7, run="r2")]
    gone = surplus(checkpoints, 0)
    assert sorted(gone) == [0, 3]
