"""Any process may die at any time: what was stored stays, and nobody says "running" who isn't."""

from __future__ import annotations

import json
import re
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from websockets.sync.client import ClientConnection

from backend.jobs.nursery import OWN_TITLE, TITLE
from tests.backend.server import PATIENCE, Rows, Server, everything, running_server, until

RUNS = ["r1", "r2", "r3", "r4"]


@pytest.fixture(scope="module")
def one_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_server(tmp_path_factory.mktemp("crashes")) as server:
        yield server


@pytest.fixture
def own_server(one_server: Server) -> Server:
    """A server without a job, whatever a test before did to it."""
    one_server.revive()
    one_server.clear()
    return one_server


def next_experiment(viewer: ClientConnection, state: str) -> Any:
    """The first `experiment` message in this state."""
    while True:
        message = viewer.recv(timeout=PATIENCE)
        if isinstance(message, str):
            content = json.loads(message)
            if content["type"] == "experiment" and content["experiment"]["state"] == state:
                return content["experiment"]


def test_a_killed_worker_fails_its_experiment_and_no_other(own_server: Server) -> None:
    server = own_server
    doomed = server.create(problem="beale", steps=100_000, speed=100)
    [victim] = server.workers()
    other = server.create(problem="booth", steps=100_000, speed=100)
    server.reach(doomed["id"], 40)
    with server.watch(doomed["id"]) as viewer:
        victim.kill()
        failed = next_experiment(viewer, "failed")
    step = failed["step"]
    assert failed["connected"] is False
    assert "killed by signal 9" in failed["message"]
    # Rows that were on their way when the worker died may still be stored after the message.
    told = re.search(r"at step (\d+); every step up to there is kept", failed["message"])
    assert told is not None
    assert 40 <= int(told[1]) <= step
    everything(server, doomed["id"]).check_gapless(RUNS, step)
    refused = server.control(doomed["id"], kind="pause")
    assert refused.status_code == 409
    assert "resume it first" in refused.json()["error"]["message"]
    server.reach(other["id"], server.experiment(other["id"])["step"] + 20)
    server.create(problem="booth", paused=True)


def test_a_killed_backend_comes_back_to_a_job_that_went_on(own_server: Server) -> None:
    server = own_server
    made = server.create(problem="beale", steps=100_000, speed=100)
    id = made["id"]
    rows = Rows()
    with server.watch(id) as viewer:
        rows.read_to(viewer, 30)
        changed = server.control(id, kind="set", run="r2", setting="drop_rate", value=0.25)
        server.kill()
    [worker] = server.workers()
    before = max(rows.steps())
    server.start()
    back = until(lambda: (e := server.experiment(id))["connected"] and e, what="the reconnect")
    assert back["state"] == "running"
    assert back["runs"][1]["drop_rate"] == 0.25
    server.reach(id, before + 100)
    with server.watch(id, after=rows.seq) as viewer:
        hello = json.loads(viewer.recv(timeout=PATIENCE))
        assert hello["after"] == rows.seq
        rows.read_to(viewer, hello["experiment"]["step"] + 20)
    rows.check_gapless(RUNS, max(rows.steps()))
    assert [p.pid for p in server.workers()] == [worker.pid]
    out = server.control(id, kind="pause")
    assert out.status_code == 200
    controls = server.get(f"/api/experiments/{id}/controls")
    assert [c["id"] for c in controls] == [changed.json()["id"], out.json()["id"]]


def test_an_experiment_that_was_being_started_is_started_again(own_server: Server) -> None:
    server = own_server
    made = [
        server.post("/api/experiments", 201, problem="beale", steps=300, speed=0, paused=paused)
        for paused in (False, True)
    ]
    server.kill()
    server.start()
    assert server.state(made[0]["id"], "finished")["step"] == 300
    everything(server, made[0]["id"]).check_gapless(RUNS, 300)
    assert server.state(made[1]["id"], "paused")["step"] == 0
    for one in made:
        assert server.get(f"/api/experiments/{one['id']}/controls") == []


def test_a_nursery_that_ended_is_followed_by_another(own_server: Server) -> None:
    server = own_server
    trains = server.create(problem="beale", steps=100_000, speed=100)["id"]
    [first] = nurseries(server)
    # It is the server's own fork, which the list of processes does not show.
    assert first.environ() == psutil.Process(server.process.pid).environ()
    shown = [process.cmdline()[0] for process in (first, *server.workers())]
    assert shown == [OWN_TITLE, TITLE]
    first.kill()
    [next_one] = until(lambda: [n for n in nurseries(server) if n != first], what="another")
    assert next_one.pid != first.pid
    ended = server.create(problem="booth", steps=20, speed=0)["id"]
    assert server.state(ended, "finished")["step"] == 20
    server.reach(trains, server.experiment(trains)["step"] + 20)


def nurseries(server: Server) -> list[psutil.Process]:
    """Of this server, as process lists show them; the next one is named when it is ready."""
    found = []
    for child in psutil.Process(server.process.pid).children():
        with suppress(psutil.Error):
            if child.name() == OWN_TITLE and child.status() != psutil.STATUS_ZOMBIE:
                found.append(child)
    return found


def test_an_orphaned_worker_that_died_meanwhile_is_told(tmp_path: Path) -> None:
    with running_server(tmp_path, return_limit=1) as server:
        id = server.create(problem="beale", steps=100_000, speed=100)["id"]
        step = server.reach(id, 20)["step"]
        server.kill()
        for worker in server.workers():
            worker.kill()
        server.start()
        failed = server.state(id, "failed")
        assert failed["step"] >= step
        assert "did not come back" in failed["message"]
        everything(server, id).check_gapless(RUNS, failed["step"])


def test_a_graceful_end_stores_everything_and_leaves_no_process(own_server: Server) -> None:
    server = own_server
    training = server.create(problem="beale", steps=100_000, speed=0)["id"]
    paused = server.create(problem="booth", paused=True)["id"]
    server.reach(training, 50)
    workers = server.workers()
    assert len(workers) == 2
    assert server.stop() < 5
    assert server.process.returncode in (0, -signal.SIGTERM)
    assert not server.workers()
    with sqlite3.connect(server.folder / "lrd.sqlite3") as store:
        states = dict(store.execute("SELECT id, state FROM experiments"))
    assert (states[training], states[paused]) == ("cancelled", "cancelled")
    server.start()
    stopped = server.experiment(training)
    assert f"the server was shut down at step {stopped['step']}" in stopped["message"]
    everything(server, training).check_gapless(RUNS, stopped["step"])
