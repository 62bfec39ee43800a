"""The plane after a resume: of the whole path, from the checkpoints of before."""

from __future__ import annotations

import functools
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from lrd_core.engine.advance import Stepper
from lrd_core.engine.checkpoint import Checkpoint, Vault
from lrd_core.engine.controls import Control
from lrd_core.engine.experiment import ExperimentSpec, RunSpec
from lrd_core.engine.loop import Loop
from lrd_core.engine.roster import Roster
from lrd_core.engine.timeline import Past, Resume, RunRecord
from lrd_core.engine.views import earlier
from lrd_core.engine.views import paths as views_paths
from lrd_core.engine.views.paths import Paths
from tests.lrd_core.engine.recorder import Recorder, spec

RUNS = [
    {"optimizer": "adam", "drop_rate": 0.5},
    {"optimizer": "sgd", "settings": {"lr": 0.05, "momentum": 0.9}},
]
STEPS, CUT = 400, 310
#: Radians between the plane of the whole path and that from a checkpoint every 20 steps: 0.01
#: here.
ANGLE = 0.03


def experiment() -> ExperimentSpec:
    return spec(problem="digits", settings={"width": 16}, runs=RUNS, steps=STEPS, seed=3)


def at_the_cut(whole: ExperimentSpec) -> Resume:
    """What is recorded."""
    records = [RunRecord(Past(run), run, "running", CUT) for run in whole.runs]
    return Resume(CUT, STEPS, 0.0, records)


def gone_on(vault: Vault | None) -> Recorder:
    """From step `CUT` on, in a new loop."""
    whole = experiment()
    seen = Recorder()
    loop = Loop(whole, seen, stay=False, vault=vault, resume=at_the_cut(whole))
    thread = threading.Thread(target=loop.run, daemon=True)
    thread.start()
    thread.join(60)
    assert not thread.is_alive()
    return seen


@functools.cache
def in_one_go() -> Recorder:
    seen = Recorder()
    Loop(experiment(), seen, stay=False).run()
    return seen


def kept(folder: Path, every: int) -> Vault:
    """Checkpoints every so many steps, of a process that was killed at step `CUT`."""
    vault = Vault(folder, experiment())
    walk(Roster(experiment()), CUT, None, vault, every)
    return vault


def walk(
    runs: Roster, until: int, paths: Paths | None, vault: Vault | None = None, every: int = 1
) -> None:
    """Train all runs up to a step."""
    stepper, trainers = Stepper(), runs.all()
    while trainers[0].step < until:
        stepper.advance(trainers)
        for trainer in trainers:
            trainer.end()
            if paths is not None and paths.due(trainer):
                paths.add(trainer)
            if vault is not None and trainer.step % every == 0:
                vault.save(trainer.capture())


def last(seen: Recorder) -> tuple[np.ndarray, np.ndarray]:
    """Map (2, 16) and explained shares of the newest plane."""
    view = seen.views["plane"][-1]
    assert view["step"] == STEPS
    return np.array(view["map"]), np.array(view["explained"])


def paths(seen: Recorder) -> np.ndarray:
    """Recorded sketches of both runs, (steps, 16)."""
    columns = [[seen.column(run, f"sketch/{i}") for i in range(16)] for run in ("r1", "r2")]
    return np.concatenate(columns, axis=1).T


def apart(a: np.ndarray, b: np.ndarray, whole: Recorder) -> float:
    """The largest distance between places of one step in two planes, as a part of the path's
    extent; each axis has the sign that fits."""
    sketches = paths(whole)
    here, there = sketches @ a.T, sketches @ b.T
    there = there * np.sign((here * there).sum(0))
    return float(np.abs(here - there).max() / np.abs(here).max())


@pytest.fixture(autouse=True)
def _a_point_whenever_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two planes are compared: their points must not depend on the clock."""
    monkeypatch.setattr(views_paths, "GAP_S", 0.0)


@pytest.mark.parametrize("every", [20, 100])
def test_after_a_resume_the_plane_is_that_of_the_whole_path(tmp_path: Path, every: int) -> None:
    whole, seen = in_one_go(), gone_on(kept(tmp_path, every))
    (wanted, explained), (found, shares) = last(whole), last(seen)
    assert shares == pytest.approx(explained, abs=0.01)
    assert apart(wanted, found, whole) < 0.05
    # The first one is of all that went before, not of three steps.
    first = seen.views["plane"][0]
    assert first["step"] >= CUT
    assert apart(wanted, np.array(first["map"]), whole) < 0.2


def test_without_checkpoints_all_steps_are_made_again_and_it_is_the_same_plane() -> None:
    whole = in_one_go()
    wanted, explained = last(whole)
    found, shares = last(gone_on(None))
    assert shares == pytest.approx(explained, rel=1e-9)
    assert apart(wanted, found, whole) < 1e-9


def test_directions_in_parameter_space_are_close(tmp_path: Path) -> None:
    vault, whole = kept(tmp_path, 20), experiment()
    went, resumed = Roster(whole), Roster(whole, vault, at_the_cut(whole))
    found = []
    for runs in (went, resumed):
        paths = Paths(whole, Recorder(), runs)
        assert paths.recalls == (runs is resumed)
        while paths.recalls:
            paths.recall()
        walk(runs, STEPS, paths)
        paths.refit(now=True)
        assert paths.plane is not None
        found.append(paths.plane.directions.astype("f8"))
    cosines = np.linalg.svd(found[0] @ found[1].T)[1]
    assert np.arccos(np.clip(cosines, -1, 1)).max() < ANGLE


def test_checkpoints_that_cannot_be_read_are_left_out(tmp_path: Path) -> None:
    whole, vault = in_one_go(), kept(tmp_path, 20)
    for run in ("r1", "r2"):
        for checkpoint in vault.list(run)[1:-1:2]:
            checkpoint.path.write_bytes(b"no checkpoint")
    (wanted, explained), (found, shares) = last(whole), last(gone_on(vault))
    assert shares == pytest.approx(explained, abs=0.01)
    assert apart(wanted, found, whole) < 0.05


def test_no_more_is_read_than_may_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, vault = in_one_go(), kept(tmp_path, 10)
    monkeypatch.setattr(earlier, "MOST", 8)
    read = []
    parameters = Vault.parameters

    def counted(self: Vault, checkpoint: Checkpoint) -> Sequence[torch.Tensor] | None:
        read.append(checkpoint.step)
        return parameters(self, checkpoint)

    monkeypatch.setattr(Vault, "parameters", counted)
    (wanted, _), (found, _) = last(whole), last(gone_on(vault))
    # Of each run the newest, then at a half and at quarters of the steps.
    assert sorted(read) == [80, 80, 150, 150, 230, 230, 310, 310]
    assert apart(wanted, found, whole) < 0.1
    # No time at all: the newest plane is of what came since.
    read.clear()
    monkeypatch.setattr(earlier, "SECONDS", 0.0)
    assert last(gone_on(vault))[0].shape == (2, 16)
    assert read == []


def test_a_fork_has_its_own_path_from_where_it_left(tmp_path: Path) -> None:
    whole = replace(experiment(), steps=60)
    vault = Vault(tmp_path, whole)
    seen = Recorder()
    events = [(step, Control(f"k{step}", "checkpoint")) for step in (10, 20, 30, 40, 50)]
    fork = (31, Control("f", "fork", "r1", value=30, spec={"drop_rate": 0.9}))
    Loop(whole, seen, scheduled=[*events, fork], stay=False, vault=vault).run()
    told = seen.answers["f"].run
    assert told is not None
    parts = {name: value for name, value in told.items() if name != "mask_seed"}
    specs = [*whole.runs, RunSpec(**parts)]
    records = [RunRecord(Past(run), run, "finished", 60) for run in specs]
    runs = Roster(whole, vault, Resume(60, 60, 0.0, records))
    paths = Paths(whole, seen, runs)
    while paths.recalls:
        paths.recall()
    assert paths.plane is not None
    # Steps 1 to 8, then every eighth up to 56; the fork's are those after 30.
    assert paths.plane.points == 2 * (8 + 6) + 4
