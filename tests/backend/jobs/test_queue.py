"""Experiments that find no place wait for one, in their order, over a restart as well."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.backend.server import PATIENCE, Server, running_server, until

SLOW = {"problem": "booth", "steps": 100_000, "speed": 1.0}


@pytest.fixture(scope="module")
def two_places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_server(tmp_path_factory.mktemp("queue"), max_jobs=2) as server:
        yield server


@pytest.fixture
def narrow(two_places: Server) -> Server:
    """A server with two places, both free."""
    two_places.revive()
    two_places.clear()
    return two_places


@pytest.fixture
def impatient(tmp_path: Path) -> Iterator[Server]:
    """The same, but who is paused and not watched is in the way at once."""
    with running_server(tmp_path, max_jobs=2, paused_limit=0.001) as server:
        yield server


def created(server: Server, **given: Any) -> Any:
    return server.post("/api/experiments", 201, **SLOW | given)


def test_who_finds_no_place_waits_and_starts_when_one_is_free(narrow: Server) -> None:
    server = narrow
    first, second = (server.create(**SLOW)["id"] for _ in range(2))
    waiting = [created(server) for _ in range(3)]
    assert [one["state"] for one in waiting] == ["queued"] * 3
    assert [one["message"] for one in waiting] == [
        "waits for a place",
        "waits for a place: 1 before it",
        "waits for a place: 2 before it",
    ]
    ids = [one["id"] for one in waiting]
    listed = server.get("/api/jobs")
    assert [(job["experiment"], job["position"]) for job in listed] == [
        (first, None), (second, None), (ids[0], 1), (ids[1], 2), (ids[2], 3),
    ]  # fmt: skip
    refused = server.control(ids[0], kind="pause")
    assert refused.status_code == 409
    assert "waits for a place" in refused.json()["error"]["message"]

    stop = server.control(ids[1], kind="stop", who="ann")
    assert (stop.status_code, stop.json()["step"]) == (200, 1)
    cancelled = server.experiment(ids[1])
    assert (cancelled["state"], cancelled["message"]) == ("cancelled", "stopped at step 0 by ann")
    assert server.experiment(ids[2])["message"] == "waits for a place: 1 before it"

    server.control(first, kind="stop")
    server.state(ids[0], "running")
    assert server.experiment(ids[2])["message"] == "waits for a place"


def test_the_order_outlives_a_restart_of_the_server(narrow: Server) -> None:
    server = narrow
    for _ in range(2):
        server.create(**SLOW)
    ids = [created(server, paused=number == 0)["id"] for number in range(3)]
    server.process.send_signal(signal.SIGTERM)
    server.process.wait(30)
    server.start()
    # Those that trained were cancelled with the server; two of the three have a place now.
    server.state(ids[0], "paused")
    server.state(ids[1], "running")
    last = server.experiment(ids[2])
    assert (last["state"], last["message"]) == ("queued", "waits for a place")


def test_experiments_of_sweeps_wait_behind_plain_ones_and_leave_the_last_place(
    narrow: Server,
) -> None:
    server = narrow
    axes = {"x": {"setting": "drop_rate", "values": [0.0, 0.5]}}
    axes["y"] = {"setting": "lr", "values": [0.01, 0.02, 0.03]}
    sweep = server.post("/api/sweeps", 201, problem="digits", steps=1_000_000, **axes)
    cells = [id for row in sweep["grid"] for id in row]
    server.state(cells[0], "running")
    # One place of two is left: a plain experiment has it, and the next one waits before the sweep.
    plain, next_one = (created(server)["id"] for _ in range(2))
    server.state(plain, "running")
    waiting = [job for job in server.get("/api/jobs") if job["position"] is not None]
    assert [job["experiment"] for job in waiting] == [next_one, *cells[1:]]
    server.control(plain, kind="stop")
    server.state(next_one, "running")
    # Nor does a sweep take the place that a plain one has left.
    server.control(next_one, kind="stop")
    until(lambda: len(server.get("/api/jobs")) == len(cells), what="only the sweep being left")
    assert [server.experiment(id)["state"] for id in cells[:2]] == ["running", "queued"]


def test_room_is_made_of_what_nobody_watches(impatient: Server) -> None:
    server = impatient
    ids = [server.create(**SLOW)["id"] for _ in range(2)]
    for id in ids:
        server.control(id, kind="pause")
    with server.watch(ids[0]) as viewer:
        viewer.recv(timeout=PATIENCE)
        server.create(**SLOW)
        stopped = server.state(ids[1], "cancelled")
        assert stopped["message"] == f"stopped at step {stopped['step']} to make room"
        late = created(server)
        assert late["state"] == "queued"
        assert server.experiment(ids[0])["state"] == "paused"
    server.state(late["id"], "running")  # nobody watches the paused one any more
    assert server.experiment(ids[0])["state"] == "cancelled"


def test_one_that_replaces_another_takes_its_place(narrow: Server) -> None:
    server = narrow
    old, other = (server.create(**SLOW)["id"] for _ in range(2))
    new = server.create(**SLOW, replaces=old)
    assert new["state"] == "running"
    ended = server.state(old, "cancelled")
    assert ended["replaced_by"] == new["id"]
    assert server.experiment(other)["state"] == "running"


def test_small_models_train_on_one_thread_and_jobs_tell_what_they_use(server: Server) -> None:
    made = server.create(problem="booth", steps=100_000, speed=50)
    assert (made["device"], made["threads"]) == ("cpu", 1)

    def used() -> Any:
        [job] = [job for job in server.get("/api/jobs") if job["experiment"] == made["id"]]
        return job["usage"]

    usage = until(used, what="the first usage")
    assert (usage["device"], usage["threads"], usage["gpu"]) == ("cpu", 1, None)
    assert usage["memory_mb"] > 20
    assert usage["cpu"] >= 0
    with server.watch(made["id"]) as viewer:
        until(lambda: '"usage"' in str(viewer.recv(timeout=PATIENCE)), what="the view of usage")
    [cpu] = [device for device in server.get("/api/devices") if device["name"] == "cpu"]
    assert cpu["jobs"] >= 1
    assert cpu["cores"] >= 1
    assert 0 < cpu["memory_used_mb"] < cpu["memory_total_mb"]
