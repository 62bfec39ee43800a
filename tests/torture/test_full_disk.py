"""A disk that is full pauses what trains, says so, and loses nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.backend.server import PATIENCE, Server, everything, until
from tests.torture.ordeal import NAMES, World, bits, made, undisturbed
from tests.torture.schedule import RUNS

PARTS = {"problem": "beale", "runs": RUNS, "steps": 1000, "seed": 1}
FULL = "the disk is full (database or disk is full); free space, then"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with made(tmp_path_factory.mktemp("full")) as one:
        yield one


@pytest.fixture
def training(world: World) -> str:
    """Id of an experiment that trains."""
    world.calm(node=False)
    id: str = world.server.create(**PARTS, speed=200)["id"]
    world.server.reach(id, 20)
    return id


def told(server: Server, id: str, words: str) -> Any:
    """The experiment once its message has these words."""

    def look() -> Any:
        experiment = server.experiment(id)
        return experiment if words in experiment["message"] else None

    return until(look, what=f"the message {words!r}")


def finish(server: Server, id: str) -> None:
    """Press play; in the end everything is as if nothing had been."""
    assert server.control(id, kind="play").status_code == 200
    assert server.control(id, kind="speed", value=0.0).status_code == 200
    assert server.state(id, "finished")["message"] == ""
    rows = everything(server, id)
    rows.check_gapless(NAMES, PARTS["steps"])
    assert bits(rows.values) == undisturbed(PARTS, [])
    server.control(id, kind="stop")


def test_a_store_without_room_pauses_the_job_until_there_is_some(
    world: World, training: str
) -> None:
    server = world.server
    with server.watch(training) as viewer:
        world.switch("full", 1)
        while True:
            message = viewer.recv(timeout=PATIENCE)
            if isinstance(message, str) and "paused: the disk" in message:
                break
    shown = json.loads(message)["experiment"]
    assert (shown["state"], shown["message"]) == ("paused", f"paused: {FULL} press play")
    refused = [
        server.control(training, kind="play"),
        server.client.post("/api/experiments", json={"problem": "booth", "name": "x" * 100}),
    ]
    for answer in refused:
        assert answer.status_code == 507
        assert answer.json()["error"]["message"] == f"store: {FULL} try again"
    world.switch("full")
    told(server, training, "has room again; press play")
    assert server.experiment(training)["state"] == "paused"
    finish(server, training)


def test_a_worker_that_dies_meanwhile_is_told_and_stored_later(world: World, training: str) -> None:
    server = world.server
    world.switch("full", 1)
    told(server, training, FULL)
    for worker in server.workers():
        worker.kill()
    assert "killed by signal 9" in server.state(training, "failed")["message"]
    world.switch("full")
    until(
        lambda: server.client.post(f"/api/experiments/{training}/resume", json={}).is_success,
        what="the end of the old process, stored",
    )
    server.state(training, "paused")
    finish(server, training)


def test_a_disk_without_room_for_checkpoints_pauses_the_job(world: World, training: str) -> None:
    server = world.server
    world.switch("full checkpoints", 1)
    paused = told(server, training, "paused: the disk is full (no checkpoint at step")
    assert paused["state"] == "paused"
    assert paused["message"].endswith(": No space left on device); free space, then press play")
    # The pause is recorded before anybody can press play.
    until(lambda: server.get(f"/api/experiments/{training}/controls"), what="the pause")
    world.switch("full checkpoints")
    finish(server, training)
    log = server.get(f"/api/experiments/{training}/controls")
    # Two runs had no room for a checkpoint, and that is one pause.
    assert [control["kind"] for control in log] == ["pause", "play", "speed", "stop"]
