"""An experiment goes on where its record ends, with the bits that it would have had anyway."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch

from lrd_core.engine.controls import Control
from tests.backend.server import Server, everything, running_server, until
from tests.lrd_core.engine.recorder import spec, trained

STEPS = 150
#: Runs of the experiments that are killed; every rule, policy and setting that matters to a state.
RUNS = [
    {"optimizer": "adam", "drop_rate": 0.5},
    {"optimizer": "sgd", "settings": {"lr": 0.001, "momentum": 0.9}, "drop_rate": 0.3},
]


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with many places; tests of this file share it."""
    with running_server(tmp_path_factory.mktemp("resume"), max_jobs=30) as server:
        yield server


def bits(values: dict[tuple[str, int], dict[str, float]]) -> dict[tuple[str, int], bytes]:
    """The losses of all rows, to the bit."""
    return {key: struct.pack("<d", row["loss"]) for key, row in values.items() if "loss" in row}


def given(number: int, **more: Any) -> dict[str, Any]:
    """Experiment `number`: surfaces and tasks, own and shared masks."""
    problem = ("beale", "digits", "spirals", "saddle")[number % 4]
    settings = {"width": 8, "batch": 16} if problem in ("digits", "spirals") else {}
    parts = {"settings": settings, "seed": number, "shared_masks": number % 3 > 0}
    return {"problem": problem, "runs": RUNS, "steps": STEPS} | parts | more


def uninterrupted(parts: dict[str, Any], changes: list[tuple[int, Control]]) -> Any:
    """The same experiment in this process, never killed."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return bits(trained(spec(**parts), changes).rows)
    finally:
        torch.set_num_threads(threads)


@dataclass
class Doomed:
    """An experiment that will be killed, and what is changed before."""

    parts: dict[str, Any]
    id: str
    process: psutil.Process
    changes: list[tuple[int, Control]] = field(default_factory=list)


def doomed(server: Server, number: int) -> Doomed:
    before = {process.pid for process in server.workers()}
    parts = given(number)
    id = server.create(**parts, speed=200, paused=True)["id"]
    [process] = [p for p in server.workers() if p.pid not in before]
    return Doomed(parts, id, process)


@pytest.mark.parametrize("block", range(4))
def test_killed_at_random_moments_20_experiments_end_with_the_same_bits(
    crowded: Server, block: int
) -> None:
    server, dice = crowded, random.Random(14 + block)
    victims = [doomed(server, number) for number in range(5 * block, 5 * block + 5)]
    for number, one in enumerate(victims):
        made = 0
        if number % 2:  # something was changed before
            made = dice.randint(1, 40)
            server.control(one.id, kind="step", value=made)
            server.state(one.id, "paused")
            rate = dice.choice([0.0, 0.2, 0.7])
            asked = {"kind": "set", "run": "r1", "setting": "drop_rate", "value": rate}
            assert server.control(one.id, **asked).json()["step"] == made + 1
            one.changes.append((made + 1, Control("c", "set", "r1", "drop_rate", rate)))
        # However late this process is, the other one makes so many steps and no more.
        server.control(one.id, kind="step", value=100)
        server.reach(one.id, made + dice.randint(2, 99))
        one.process.kill()
        failed = server.state(one.id, "failed")
        assert 0 < failed["step"] < STEPS
        assert "killed by signal 9" in failed["message"]
        server.post(f"/api/experiments/{one.id}/resume", who="ann")
    for one in victims:
        server.state(one.id, "paused")
        for asked in ({"kind": "speed", "value": 0.0}, {"kind": "play"}):
            answer = server.control(one.id, **asked)
            assert answer.status_code == 200, answer.text
        ended = server.state(one.id, "finished")
        assert bits(everything(server, one.id).values) == uninterrupted(one.parts, one.changes)
        log = server.get(f"/api/experiments/{one.id}/controls")
        assert ("resume", "ann") in [(control["kind"], control["who"]) for control in log]
        assert {run["replay"] for run in ended["runs"]} <= {"", "equal"}
        server.control(one.id, kind="stop")


def test_a_control_wakes_an_experiment_that_has_ended(crowded: Server) -> None:
    server = crowded
    id = server.create(**given(0), speed=0)["id"]
    server.state(id, "finished")
    server.control(id, kind="stop")
    server.state(id, "finished")
    until(lambda: not server.experiment(id)["connected"], what="the end of its worker")
    extended = server.control(id, kind="extend", value=50, who="bob")
    assert extended.status_code == 200, extended.text
    assert server.state(id, "paused")["steps"] == STEPS + 50
    server.control(id, kind="play")
    server.state(id, "finished")
    rows = everything(server, id)
    rows.check_gapless(["r1", "r2"], STEPS + 50)
    assert bits(rows.values) == uninterrupted(given(0, steps=STEPS + 50), [])


def test_a_stopped_experiment_is_forked_at_an_early_step(crowded: Server) -> None:
    server = crowded
    id = server.create(**given(1), speed=0)["id"]
    server.reach(id, STEPS)
    server.control(id, kind="stop")
    until(lambda: not server.experiment(id)["connected"], what="the end of its worker")
    out = server.control(id, kind="fork", run="r1", value=40, spec={"drop_rate": 0.0})
    assert out.status_code == 200, out.text
    assert (out.json()["run"], out.json()["step"]) == ("r3", 41)
    fork = server.experiment(id)["runs"][2]
    told = {name: fork[name] for name in ("parent", "fork_step", "drop_rate", "optimizer")}
    assert told == {"parent": "r1", "fork_step": 40, "drop_rate": 0.0, "optimizer": "adam"}
    same = server.control(id, kind="fork", run="r1", value=60)
    assert same.json()["run"] == "r4"
    until(
        lambda: [r["replay"] for r in server.experiment(id)["runs"][2:]] == ["equal", "equal"],
        what="the comparison",
    )
    until(lambda: everything(server, id).steps("r4")[-1:] == [STEPS], what="the end of the fork")
    rows = everything(server, id)
    losses = {
        run: [rows.values[run, s]["loss"] for s in range(61, STEPS + 1)] for run in ("r1", "r4")
    }
    assert losses["r1"] == losses["r4"]
    assert rows.steps("r3") == list(range(41, STEPS + 1))
    assert rows.values["r3", 41]["loss"] == rows.values["r1", 41]["loss"]
    assert rows.values["r3", 45]["loss"] != rows.values["r1", 45]["loss"]

    def kept(run: str, step: int) -> bool:
        return step in server.get(f"/api/experiments/{id}/checkpoints").get(run, [])

    until(lambda: kept("r3", 40) and kept("r1", STEPS), what="the word of the last checkpoints")


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"run": "r1", "value": 10_000}, "value"),
        ({"run": "r9", "value": 1}, "run"),
        ({"run": "r1", "value": 0, "spec": {"optimizer": "sgd"}}, "spec.optimizer"),
        ({"run": "r1", "value": 0, "spec": {"drop_rate": 1.0}}, "spec.drop_rate"),
        ({"run": "r1", "value": 0, "spec": {"settings": {"lr": -1.0}}}, "spec.settings.lr"),
    ],
)
def test_a_fork_that_cannot_be_is_refused(
    paused: tuple[Server, str], given: dict[str, Any], field: str
) -> None:
    server, id = paused
    answer = server.control(id, kind="fork", **given)
    assert answer.status_code == 422, answer.text
    assert answer.json()["error"]["field"] == field


@pytest.fixture(scope="module")
def paused(crowded: Server) -> tuple[Server, str]:
    return crowded, crowded.create(**given(0), paused=True)["id"]


def test_what_only_looks_wakes_nobody(crowded: Server) -> None:
    server = crowded
    id = server.create(**given(0), paused=True)["id"]
    server.control(id, kind="stop")
    server.state(id, "cancelled")
    for kind in ("watch", "pause", "stop"):
        answer = server.control(id, kind=kind)
        assert answer.status_code == 409
        assert "resume it first" in answer.json()["error"]["message"]
    assert server.experiment(id)["state"] == "cancelled"
    assert server.control(id, kind="resume").status_code == 422


def test_a_resumed_experiment_outlives_a_restart_of_the_server(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        id = server.create(**given(1), speed=200)["id"]
        server.reach(id, 30)
        server.stop()
        server.start()
        ended = server.experiment(id)
        assert "the server was shut down" in ended["message"]
        back = server.post(f"/api/experiments/{id}/resume", paused=False)
        assert back["message"] == ""
        server.state(id, "finished")
        everything(server, id).check_gapless(["r1", "r2"], STEPS)
