"""An experiment as a Python script: pasted into a file it runs, and its losses are those stored."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from lrd_core.engine.experiment import check_experiment
from lrd_core.engine.script import script
from lrd_core.engine.timeline import Past, RunRecord
from tests.backend.server import ROOT, Server

#: Losses are printed with nine digits. Runs that train side by side as one batched model sum in
#: another order than one alone: that is all that may differ, and it grows over some steps.
EXACT, STACKED = 1e-8, 1e-6
LINE = re.compile(r"^(r\d+) step (\d+) loss (\S+)$", re.MULTILINE)


def stored(server: Server, id: str, run: str) -> dict[int, float]:
    query = {"run": run, "columns": "loss"}
    found = server.get(f"/api/experiments/{id}/series", **query)["columns"]["loss"]
    known = next(one for one in server.experiment(id)["runs"] if one["id"] == run)
    parent = stored(server, id, known["parent"]) if known["parent"] else {}
    own = dict(zip(found["steps"], found["values"], strict=True))
    return {step: loss for step, loss in parent.items() if step <= known["fork_step"]} | own


def printed(server: Server, id: str, folder: Path) -> dict[str, dict[int, float]]:
    """By run and step the losses that the experiment's script prints."""
    path = folder / "pasted.py"
    path.write_text(server.get(f"/api/experiments/{id}/python")["script"])
    done = subprocess.run(
        [sys.executable, path.name],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    losses: dict[str, dict[int, float]] = {}
    for run, step, loss in LINE.findall(done.stdout):
        losses.setdefault(run, {})[int(step)] = float(loss)
    return losses


def compare(server: Server, id: str, folder: Path, runs: set[str], tolerance: float) -> None:
    losses = printed(server, id, folder)
    assert losses.keys() == runs
    for run, own in losses.items():
        recorded = stored(server, id, run)
        assert {1, 2, 3, 4, 5, max(recorded)} <= own.keys()
        wanted = {step: recorded[step] for step in own}
        assert own == pytest.approx(wanted, rel=tolerance, abs=1e-12), run


def test_on_a_surface_with_changes_a_fork_and_a_schedule(server: Server, tmp_path: Path) -> None:
    warm = {"schedule": "step", "schedule_settings": {"at": "30", "unit": "steps", "warm_up": 10}}
    sgd = {"optimizer": "sgd", "settings": {"lr": 0.001, "momentum": 0.9}, "drop_rate": 0.5}
    cautious = {"optimizer": "adam", "policy": "cautious", "drop_rate": 0.5, "rescale": True}
    given = [{"optimizer": "adam", "drop_rate": 0.5}, sgd | warm, {"optimizer": "lion"}, cautious]
    settings = {"start_x": -0.5}
    experiment = server.create(
        problem="beale", settings=settings, seed=7, runs=given, steps=60, speed=0, paused=True
    )
    id = experiment["id"]
    server.control(id, kind="step", value=20)
    server.reach(id, 20)
    for run, setting, value in (
        ("r1", "drop_rate", 0.1),
        ("r1", "beta1", 0.7),
        ("r2", "lr", 0.002),
        ("r2", "momentum", 0.5),
    ):
        answer = server.control(id, kind="set", run=run, setting=setting, value=value)
        assert answer.status_code == 200, answer.text
    spec = {"drop_rate": 0.8, "policy": "per_tensor", "settings": {"lr": 0.02}}
    assert server.control(id, kind="fork", run="r1", value=10, spec=spec).status_code == 200
    assert server.control(id, kind="remove_run", run="r4").status_code == 200
    server.control(id, kind="play")
    server.state(id, "finished")
    compare(server, id, tmp_path, {"r1", "r2", "r3", "r5"}, EXACT)


def test_on_the_digits_with_masks_of_their_own(server: Server, tmp_path: Path) -> None:
    runs = [{"optimizer": "adam"}, {"optimizer": "adam", "drop_rate": 0.5}]
    experiment = server.create(
        problem="digits", runs=runs, steps=40, speed=0, shared_masks=False, seeds=2
    )
    server.state(experiment["id"], "finished")
    compare(server, experiment["id"], tmp_path, {"r1", "r2"}, STACKED)


def test_a_large_task_says_what_it_needs() -> None:
    spec = check_experiment({"problem": "cifar10-resnet34", "seeds": 2}, build=False)
    records = [RunRecord(Past(run), run, "running", 3) for run in spec.runs]
    text = script(spec, records, 100)
    compile(text, "pasted.py", "exec")
    assert "lrd data get cifar10" in text
    assert "2 copies of every run" in text
