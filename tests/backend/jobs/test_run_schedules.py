"""Schedules of learning rates over REST, in the store, on the command line and in a replay."""

from __future__ import annotations

import json
import shlex
import sqlite3
import sys
from pathlib import Path
from typing import Any

import pytest

from backend.cli import main
from backend.commands.replay import replay
from tests.backend.server import Server, until

STAIRS = {"schedule": "step", "schedule_settings": {"at": "10,20", "unit": "steps", "warm_up": 4}}
RUNS = [
    {"optimizer": "adam", "settings": {"lr": 0.1}, "drop_rate": 0.5, **STAIRS},
    {"optimizer": "sgd", "settings": {"lr": 0.01}, "schedule": "cosine"},
]


@pytest.fixture
def done(server: Server) -> dict[str, Any]:
    made = server.create(problem="beale", runs=RUNS, steps=30, speed=0)
    return server.state(made["id"], "finished")


def lr(server: Server, id: str, run: str) -> list[float]:
    found = server.get(f"/api/experiments/{id}/series", run=run, columns="lr")
    values: list[float] = found["columns"]["lr"]["values"]
    return values


def test_the_recorded_learning_rate_is_the_one_that_is_used(
    server: Server, done: dict[str, Any]
) -> None:
    told = [(run["schedule"], run["schedule_settings"]) for run in done["runs"]]
    stairs = {"at": "10,20", "unit": "steps", "factor": 0.1, "warm_up": 4}
    assert told == [("step", stairs), ("cosine", {"steps": 30, "floor": 0.0, "warm_up": 0})]
    wanted = [0.025, 0.05, 0.075] + [0.1] * 7 + [0.01] * 10 + [0.001] * 10
    assert lr(server, done["id"], "r1") == pytest.approx(wanted)
    cosine = lr(server, done["id"], "r2")
    assert cosine[0] == pytest.approx(0.01)
    assert cosine == sorted(cosine, reverse=True)


def test_the_command_line_makes_the_same_numbers(
    server: Server,
    done: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = server.get(f"/api/experiments/{done['id']}/command")["command"]
    assert "schedule=step schedule.at=10,20 schedule.unit=steps schedule.warm_up=4" in words
    monkeypatch.setattr(sys, "argv", [*shlex.split(words), "--json"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    again = json.loads(capsys.readouterr().out)
    for run in again["runs"]:
        found = server.get(f"/api/experiments/{done['id']}/series", run=run["id"], columns="loss")
        assert run["loss"] == found["columns"]["loss"]["values"][-1]


def test_forks_and_replays_know_the_schedule(
    server: Server, done: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    id = done["id"]
    for spec in (None, {"schedule": "constant"}, {"schedule_settings": {"factor": 0.5}}):
        answer = server.control(id, kind="fork", run="r1", value=15, spec=spec)
        assert answer.status_code == 200, answer.text
    refused = server.control(id, kind="fork", run="r1", value=5, spec={"schedule": "stairs"})
    assert refused.json()["error"]["field"] == "spec.schedule"
    runs = {run["id"]: run for run in server.experiment(id)["runs"]}
    assert [runs[name]["schedule"] for name in ("r3", "r4", "r5")] == ["step", "constant", "step"]
    assert runs["r5"]["schedule_settings"]["factor"] == 0.5
    until(lambda: all(run["step"] == 30 for run in server.experiment(id)["runs"]))
    assert lr(server, id, "r3") == lr(server, id, "r1")[15:]
    assert lr(server, id, "r4") == pytest.approx([0.1] * 15)
    assert lr(server, id, "r5") == pytest.approx([0.05] * 5 + [0.025] * 10)
    store = tmp_path / "lrd.sqlite3"
    with sqlite3.connect(server.folder / "lrd.sqlite3") as live, sqlite3.connect(store) as copy:
        live.backup(copy)
    code = replay(id, f"sqlite:///{store}", None, True)
    found = json.loads(capsys.readouterr().out)
    assert (code, found["equal"]) == (0, True), found
    assert sum(row["steps"] for row in found["runs"]) == 5 * 30
