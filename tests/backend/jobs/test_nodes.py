"""Machines that train for the server: real `lrd worker` processes, links, deaths and returns."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.backend.node import Node, running_node
from tests.backend.server import Server, everything, running_server, until
from tests.lrd_core.engine.recorder import spec, trained
from tests.torture.proxy import Proxy

RUNS = [{"optimizer": "adam", "drop_rate": 0.5}]
ADAM = {"problem": "digits", "settings": {"width": 8}, "runs": RUNS, "seed": 5}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that trains nothing itself."""
    limits = {"away_limit": 60, "return_limit": 1}
    folder = tmp_path_factory.mktemp("nodes") / "server"
    with running_server(folder, max_jobs=0, **limits) as one:
        yield one


@pytest.fixture(scope="module")
def proxy(server: Server) -> Iterator[Proxy]:
    """What lies between the node and the server."""
    one = Proxy(server.port)
    yield one
    one.close()


@pytest.fixture(scope="module")
def one_node(server: Server, proxy: Proxy) -> Iterator[Node]:
    with running_node(server, server.folder.parent / "box", through=proxy.port) as one:
        yield one


@pytest.fixture
def node(one_node: Node) -> Node:
    """The node, whatever a test before did to it."""
    if one_node.process.poll() is not None:
        one_node.start()
    return one_node


def losses(server: Server, id: str) -> Any:
    return server.get(f"/api/experiments/{id}/series", run="r1", columns="loss")["columns"]["loss"]


def test_an_experiment_waits_for_a_node_and_trains_there_as_it_would_here(
    server: Server,
) -> None:
    id = server.post("/api/experiments", 201, **ADAM, steps=300, speed=0)["id"]
    assert server.experiment(id)["message"] == "waits for a place"
    with running_node(server, server.folder.parent / "first", jobs=2) as node:
        assert server.get("/api/nodes")[0] | {"cores": 0, "data": []} == {
            "name": "box",
            "places": 2,
            "jobs": 1,
            "cores": 0,
            "devices": ["cpu"],
            "data": [],
        }
        found = server.state(id, "finished")
        assert found["node"] == "box"
        assert server.get("/api/jobs") == []
        files = sorted((node.folder / "checkpoints" / id / "r1").iterdir())
        steps = [int(path.name.partition(".")[0]) for path in files]
        # Known here, though they lie there.
        until(lambda: server.get(f"/api/experiments/{id}/checkpoints") == {"r1": steps})
        assert not (server.folder / "checkpoints").exists()
        assert node.stop() == 0
    rows = trained(spec(**ADAM, steps=300, speed=0)).rows
    here = [rows["r1", step]["loss"] for step in range(1, 301)]
    assert losses(server, id)["values"] == here


def test_controls_reach_a_worker_on_a_node(server: Server, node: Node) -> None:
    id = server.create(**ADAM, steps=100_000, speed=200)["id"]
    server.reach(id, 20)
    answer = server.control(id, kind="set", run="r1", setting="drop_rate", value=0.25)
    assert answer.status_code == 200, answer.text
    job = server.get("/api/jobs")[0]
    assert (job["node"], job["state"]) == ("box", "running")
    assert server.control(id, kind="stop").status_code == 200
    assert server.state(id, "cancelled")["step"] >= 20
    until(lambda: server.get("/api/nodes")[0]["jobs"] == 0, what="the end of the worker")
    until(lambda: not server.workers())


def test_a_node_or_device_that_is_not_there_is_refused(server: Server, node: Node) -> None:
    refused = server.client.post("/api/experiments", json={**ADAM, "node": "boxx"})
    assert refused.status_code == 422
    assert refused.json()["error"]["message"] == (
        "node: 'boxx' is not allowed; use empty for any machine, or a node (one of box)"
    )
    for given in ({"device": "cuda:7"}, {"device": "cuda:7", "node": "box"}):
        unknown = server.client.post("/api/experiments", json={**ADAM, **given})
        assert unknown.json()["error"]["field"] == "device"


def test_the_end_of_a_worker_on_a_node_is_told_with_its_cause(server: Server, node: Node) -> None:
    id = server.create(**ADAM, steps=100_000, speed=200)["id"]
    server.reach(id, 150)
    server.workers()[0].kill()
    failed = server.state(id, "failed")
    assert "killed by signal 9" in failed["message"]
    everything(server, id).check_gapless(["r1"], failed["step"])
    # It goes on where its checkpoints are, from one of them: no step is made again from the start.
    server.post(f"/api/experiments/{id}/resume", paused=False)
    assert server.reach(id, failed["step"] + 50)["node"] == "box"
    assert server.experiment(id)["runs"][0]["replay"] in ("", "equal")
    server.control(id, kind="stop")
    until(lambda: not server.workers(), what="the end of the worker")


def test_training_goes_on_without_the_node_that_started_it(server: Server, node: Node) -> None:
    id = server.create(**ADAM, steps=100_000, speed=200)["id"]
    server.reach(id, 20)
    node.kill()
    until(lambda: server.get("/api/nodes") == [], what="the loss of the node")
    server.reach(id, server.experiment(id)["step"] + 100)
    node.start()
    found = server.reach(id, server.experiment(id)["step"] + 50)
    assert (found["state"], found["connected"]) == ("running", True)
    # The node's next life knows it: nobody starts it twice, and its end is told.
    worker = server.workers()
    assert len(worker) == 1
    worker[0].kill()
    assert "its worker process ended unexpectedly" in server.state(id, "failed")["message"]
    until(lambda: server.get("/api/nodes")[0]["jobs"] == 0, what="a free place")


def test_a_worker_that_ends_while_the_server_is_away_is_not_waited_for(
    server: Server, node: Node
) -> None:
    parts = {**ADAM, "steps": 100_000, "speed": 200}
    ending = server.create(**parts)["id"]
    server.reach(ending, 20)
    (process,) = server.workers()
    going_on = server.create(**parts)["id"]
    server.reach(going_on, 20)
    server.kill()
    process.kill()
    server.start()
    words = "its worker process on box ended while the server was away"
    assert words in server.state(ending, "failed")["message"]
    assert server.experiment(going_on)["state"] == "running"
    server.reach(going_on, server.experiment(going_on)["step"] + 20)
    server.control(going_on, kind="stop")


def test_a_node_that_is_interrupted_sends_what_it_has(server: Server) -> None:
    slow = Proxy(server.port)
    direct = {"LRD_WORKER_URL": f"ws://127.0.0.1:{server.port}/api/worker"}
    folder = server.folder.parent / "far"
    with running_node(server, folder, name="far", through=slow.port, environment=direct) as node:
        id = server.create(**ADAM, steps=100_000, speed=500, node="far")["id"]
        server.reach(id, 100)
        # What the node says is slower than what its worker says, on a link of its own.
        slow.stall()
        mend = threading.Timer(0.5, slow.mend)
        mend.start()
        assert node.stop() == 0, node.log
        mend.join()
    slow.close()
    ended = server.state(id, "cancelled")
    assert ended["message"] == (
        f"its worker on far was stopped at step {ended['step']}; every step is kept"
    )
    everything(server, id).check_gapless(["r1"], ended["step"])
    assert "far" not in [node["name"] for node in server.get("/api/nodes")]
    assert server.workers() == []


def test_a_cut_network_is_waited_for_as_long_as_training_goes_on(
    server: Server, node: Node, proxy: Proxy
) -> None:
    id = server.create(**ADAM, steps=100_000, speed=500)["id"]
    server.reach(id, 100)
    proxy.cut()
    until(lambda: not server.experiment(id)["connected"], what="the cut")
    # Longer than a process on the server's own machine might be away.
    with pytest.raises(AssertionError, match="did not happen"):
        until(lambda: server.experiment(id)["state"] != "running", 2.0, "a failure")
    proxy.mend()
    found = server.reach(id, server.experiment(id)["step"] + 700)
    assert found["state"] == "running"
    until(lambda: server.get("/api/nodes"), what="the return of the node")
    server.control(id, kind="stop")
    ended = server.state(id, "cancelled")
    everything(server, id).check_gapless(["r1"], ended["step"])


def test_a_wrong_token_and_a_taken_name_are_said(server: Server, node: Node) -> None:
    stranger = Node(server, node.folder.parent / "stranger", name="other", token="wrong")
    stranger.start(wait=False)
    assert stranger.process.wait(60) == 1
    assert "refuses this worker" in stranger.log
    assert "token: it is not this server's" in stranger.log
    second = Node(server, node.folder.parent / "second")
    second.start(wait=False)
    assert second.process.wait(60) == 1
    assert "another worker is connected as box; use another --name" in second.log
    assert node.known()
