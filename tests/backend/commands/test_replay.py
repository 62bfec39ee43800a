"""`lrd replay`: first settings and controls make an experiment again, to the bit."""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from backend.cli import main
from backend.commands.replay import replay
from lrd_core.settings import SettingError
from tests.backend.server import Server, until

STARTS = [
    {"optimizer": "adam", "drop_rate": 0.5},
    {"optimizer": "sgd", "settings": {"lr": 0.001, "momentum": 0.9}, "policy": "per_row"},
]
RULES = ("adam", "sgd", "lion", "rmsprop")


class Person:
    """Does 30 things at random to an experiment, and waits for each."""

    def __init__(self, server: Server, id: str, seed: int) -> None:
        self.server = server
        self.id = id
        self.dice = random.Random(seed)

    def does(self, **control: Any) -> Any:
        answer = self.server.control(self.id, **control)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def runs(self, *states: str) -> list[Any]:
        return [r for r in self.server.experiment(self.id)["runs"] if r["state"] in states]

    def act(self) -> None:
        kinds = ["step"] * 4 + ["rate"] * 3 + ["lr", "all", "add_run", "fork", "fork", "remove_run"]
        kind = self.dice.choice([*kinds, "restore_run"])
        training, removed = self.runs("running"), self.runs("removed")
        run = self.dice.choice(training)
        rate = self.dice.choice([0.0, 0.3, 0.8])
        if kind == "rate":
            self.does(kind="set", run=run["id"], setting="drop_rate", value=rate)
        elif kind == "lr":
            self.does(kind="set", run=run["id"], setting="lr", value=run["settings"]["lr"] * 0.7)
        elif kind == "all":
            self.does(kind="set", setting="drop_rate", value=rate)
        elif kind == "add_run" and len(training) < 6:
            spec = {"optimizer": self.dice.choice(RULES), "drop_rate": rate}
            self.does(kind="add_run", spec=spec)
        elif kind == "fork" and len(training) < 6:
            step = self.dice.randint(0, run["step"])
            spec = self.dice.choice([None, {"drop_rate": rate}])
            self.does(kind="fork", run=run["id"], value=step, spec=spec)
        elif kind == "remove_run" and len(training) > 2:
            self.does(kind="remove_run", run=run["id"])
        elif kind == "restore_run" and removed:
            self.does(kind="restore_run", run=self.dice.choice(removed)["id"])
        else:
            self.does(kind="step", value=self.dice.randint(1, 12))
        until(self.settled, what="the end of what was asked for")

    def settled(self) -> bool:
        """Paused, and nobody behind."""
        experiment = self.server.experiment(self.id)
        training = [run for run in experiment["runs"] if run["state"] == "running"]
        together = {run["step"] for run in training} <= {experiment["step"]}
        return experiment["state"] == "paused" and together


def again(capsys: pytest.CaptureFixture[str], store: Path, *options: Any) -> tuple[int, Any]:
    code = replay(*options[:1], f"sqlite:///{store}", *options[1:], True)
    return code, json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(("problem", "seed"), [("beale", 1), ("digits", 2)])
def test_an_experiment_with_30_random_controls_is_replayed_to_the_bit(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str], problem: str, seed: int
) -> None:
    settings = {"width": 8, "batch": 16} if problem == "digits" else {}
    parts = {"problem": problem, "settings": settings, "runs": STARTS, "steps": 5000}
    id = server.create(**parts, seed=seed, speed=0, paused=True)["id"]
    person = Person(server, id, seed)
    for _ in range(30):
        person.act()
    server.control(id, kind="stop")
    controls = server.get(f"/api/experiments/{id}/controls")
    assert len(controls) == 31
    store = tmp_path / "lrd.sqlite3"
    with sqlite3.connect(server.folder / "lrd.sqlite3") as live, sqlite3.connect(store) as copy:
        live.backup(copy)

    code, found = again(capsys, store, id, None)
    assert (code, found["equal"]) == (0, True), found
    assert [row["run"] for row in found["runs"]] == [
        run["id"] for run in server.experiment(id)["runs"]
    ]
    assert sum(row["steps"] for row in found["runs"]) > 50

    # With a learning rate that it did not begin with, the longest of the first runs differs.
    first = server.experiment(id)["runs"][: len(STARTS)]
    longest = max(range(len(first)), key=lambda place: first[place]["step"])
    forged = tmp_path / "forged.sqlite3"
    shutil.copy(store, forged)
    with sqlite3.connect(forged) as connection:
        [text] = connection.execute("SELECT spec FROM experiments WHERE id = ?", (id,)).fetchone()
        spec = json.loads(text)
        spec["runs"][longest]["settings"]["lr"] *= 0.5
        query = "UPDATE experiments SET spec = ? WHERE id = ?"
        connection.execute(query, (json.dumps(spec), id))
    run = first[longest]["id"]
    code, found = again(capsys, forged, id, run)
    [row] = found["runs"]
    assert code == 1
    assert f"differs from the record of {run} at step" in row["difference"]


def test_what_is_not_there_is_named(server: Server, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'empty.sqlite3'}"
    with pytest.raises(SettingError, match="experiment: 'nope' is not allowed") as refused:
        replay("nope", url, None, True)
    assert refused.value.field == "experiment"
    id = server.create(problem="booth", paused=True)["id"]
    with pytest.raises(SettingError, match=r"run: 'r9'.*one of r1, r2") as refused:
        replay(id, f"sqlite:///{server.folder / 'lrd.sqlite3'}", "r9", True)


def test_the_command_prints_a_table(
    server: Server, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    id = server.create(problem="booth", steps=20, speed=0)["id"]
    server.state(id, "finished")
    url = f"sqlite:///{server.folder / 'lrd.sqlite3'}"
    monkeypatch.setattr("sys.argv", ["lrd", "replay", id, "--store", url])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert "booth" in shown
    assert shown.count("equal to the bit") == 4
