"""Servers on one PostgreSQL store: one runs the jobs, all serve viewers; whoever dies, nothing is
lost."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from websockets.sync.client import ClientConnection

from backend.app import running
from backend.settings import Settings
from backend.store.ownership import Ownership
from lrd_core.settings import SettingError
from tests.backend.postgres import Postgres
from tests.backend.server import PATIENCE, Rows, Server, everything, running_server, until

RUNS = ["r1", "r2", "r3", "r4"]


@contextmanager
def two_servers(folder: Path, url: str, **settings: Any) -> Iterator[tuple[Server, Server]]:
    """The one that leads, and another."""
    given = {"store": url, "files": folder, **settings}
    with (
        running_server(folder / "first", **given) as leader,
        running_server(folder / "second", **given) as other,
    ):
        yield leader, other


@pytest.fixture(scope="module")
def database(postgres: Postgres) -> Iterator[str]:
    with postgres.database() as url:
        yield url


@pytest.fixture(scope="module")
def pair(
    tmp_path_factory: pytest.TempPathFactory, database: str
) -> Iterator[tuple[Server, Server]]:
    """The server that leads, and another, for tests that leave them so."""
    # However long the leader takes to come back.
    with two_servers(tmp_path_factory.mktemp("pair"), database, takeover=600) as servers:
        yield servers


class Looker:
    """A viewer that keeps all it is told."""

    def __init__(self, socket: ClientConnection) -> None:
        self.rows = Rows()
        self._socket = socket
        self._texts: list[Any] = []
        #: Before which texts were looked for already.
        self._at = 0

    def _next(self) -> None:
        message = self._socket.recv(timeout=PATIENCE)
        if isinstance(message, bytes):
            self.rows.add(message)
        else:
            self._texts.append(json.loads(message))

    def read_to(self, step: int, run: str = "r1") -> None:
        while not self.rows.values.get((run, step)):
            self._next()

    def told(self, kind: str, **wanted: Any) -> Any:
        """The next message of a kind with these values."""
        while True:
            while self._at == len(self._texts):
                self._next()
            found = self._texts[self._at]
            self._at += 1
            inner = found.get(kind) if isinstance(found.get(kind), dict) else found
            if found["type"] == kind and wanted.items() <= inner.items():
                return found


@contextmanager
def looking(server: Server, id: str) -> Iterator[Looker]:
    with server.watch(id) as socket:
        yield Looker(socket)


def series(server: Server, id: str, run: str = "r1") -> Any:
    return server.get(f"/api/experiments/{id}/series", run=run)["columns"]


def cut_connections(url: str, which: str = "TRUE") -> None:
    """End connections of others to a database."""
    query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    others = "datname = current_database() AND pid <> pg_backend_pid()"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"{query} WHERE {others} AND {which}")  # type: ignore[call-overload]


async def lead_instead(of: Server, url: str, address: str) -> Ownership:
    """Take the place of the server that leads."""
    usurper = Ownership(url, address)
    await usurper.owner()
    await asyncio.to_thread(cut_connections, url, f"application_name = '{of.url}'")
    while not await usurper.take():  # noqa: ASYNC110
        await asyncio.sleep(0.001)
    return usurper


def test_the_same_numbers_as_on_sqlite(server: Server, pair: tuple[Server, Server]) -> None:
    given = {"problem": "beale", "seed": 3, "steps": 600, "speed": 0}
    found = []
    for one in (server, pair[0]):
        id = one.create(**given)["id"]
        one.state(id, "finished")
        everything(one, id).check_gapless(RUNS, 600)
        found.append({run: series(one, id, run) for run in RUNS})
    assert server.get("/api/health")["store"] == "sqlite"
    assert pair[0].get("/api/health")["store"] == "postgresql"
    assert found[0] == found[1]
    assert len(found[0]["r1"]["loss"]["values"]) == 600


def test_the_server_that_leads_compacts(pair: tuple[Server, Server], database: str) -> None:
    leader = pair[0]
    id = leader.create(problem="beale", steps=300, speed=0)["id"]
    leader.state(id, "finished")

    def compacted() -> bool:
        with psycopg.connect(database) as connection:
            frames = "SELECT count(*) FROM frames WHERE experiment_id = %s"
            spans = "SELECT count(*) FROM spans WHERE experiment_id = %s"
            left, done = (connection.execute(q, [id]).fetchone() for q in (frames, spans))
        return left == (0,) and done != (0,)

    until(compacted, what="compaction")
    for one in pair:
        everything(one, id).check_gapless(RUNS, 300)


def test_viewers_of_both_get_the_same_rows_and_controls(pair: tuple[Server, Server]) -> None:
    leader, other = pair
    assert leader.get("/api/health")["leader"] == ""
    assert other.get("/api/health")["leader"] == leader.url
    # A change is passed on, whoever gets it.
    id = other.create(problem="beale", steps=2000, speed=500)["id"]
    assert [job["experiment"] for job in other.get("/api/jobs")] == [id]
    assert other.get("/api/data") == leader.get("/api/data")
    with looking(leader, id) as near, looking(other, id) as far:
        for looker in (near, far):
            looker.read_to(50)
            looker.told("viewers", viewers=2)
        answer = other.control(id, kind="set", run="r1", setting="lr", value=0.02)
        assert answer.status_code == 200, answer.text
        for looker in (near, far):
            told = looker.told("control", id=answer.json()["id"])
            assert told["control"] == answer.json()
        far.told("view", name="usage")
        for looker in (near, far):
            looker.read_to(2000)
            looker.rows.check_gapless(RUNS, 2000)
            looker.told("experiment", state="finished", connected=True)
    assert repr(sorted(near.rows.values.items())) == repr(sorted(far.rows.values.items()))
    for run in RUNS:
        assert series(leader, id, run) == series(other, id, run)
    refused = other.control(id, kind="set", run="r1", setting="lr", value=-1)
    assert refused.status_code == 422
    assert refused.json()["error"]["field"] == "lr"
    assert other.client.get("/api/experiments/a%00b").status_code == 404


def test_cut_connections_to_the_database_lose_nothing(
    pair: tuple[Server, Server], database: str
) -> None:
    leader, other = pair
    id = leader.create(problem="beale", steps=3000, speed=1000)["id"]
    with looking(other, id) as far:
        for step in (500, 1500):
            far.read_to(step)
            cut_connections(database)
        far.read_to(3000)
    far.rows.check_gapless(RUNS, 3000)
    other.state(id, "finished")
    # Until the cut connection is made anew, the other server does not know whom to ask.
    until(lambda: other.experiment(id)["connected"], what="the leader's word on its worker")
    assert other.get("/api/health")["leader"] == leader.url


def test_viewers_of_the_other_go_on_after_kill_9_of_the_leader(pair: tuple[Server, Server]) -> None:
    leader, other = pair
    id = leader.create(problem="beale", steps=5000, speed=500)["id"]
    with looking(other, id) as far:
        far.read_to(500)
        leader.kill()
        far.told("experiment", connected=False)
        answer = other.control(id, kind="pause")
        assert answer.status_code == 503
        assert "no server runs jobs now" in answer.json()["error"]["message"]
        assert series(other, id)["loss"]["steps"][-1] >= 500
        leader.start()
        far.told("experiment", connected=True)
        far.read_to(5000)
        far.told("experiment", state="finished")
    far.rows.check_gapless(RUNS, 5000)
    assert series(leader, id) == series(other, id)


async def test_two_servers_of_one_address_are_refused(tmp_path: Path, postgres_url: str) -> None:
    other = Ownership(postgres_url, "http://127.0.0.1:8000")
    assert await other.take()
    settings = Settings(store=postgres_url, files=tmp_path, return_limit=0.1)
    with pytest.raises(SettingError, match=r"LRD_ADDRESS.*another server has the same address"):
        async with running(settings):
            pass
    await other.close()


async def test_one_leads_when_nobody_does_and_ends_when_another_does(
    tmp_path: Path, postgres_url: str
) -> None:
    settings = {"takeover": 0.5, "return_limit": 0.5}
    with two_servers(tmp_path, postgres_url, **settings) as (first, second):
        id = first.create(problem="beale", steps=1_000_000, speed=400)["id"]
        first.reach(id, 100)
        first.kill()
        for worker in first.workers():
            worker.kill()
        # It goes on without anybody's asking.
        # Who comes back serves viewers.
        first.start()
        assert first.get("/api/health")["leader"] == second.url
        second.reach(id, second.experiment(id)["step"] + 200)
        assert [c["kind"] for c in second.get(f"/api/experiments/{id}/controls")] == ["resume"]

        usurper = await lead_instead(second, postgres_url, "http://elsewhere.invalid:1")
        await asyncio.to_thread(second.process.wait, PATIENCE)
        # Its last words about the experiment would have been that it was cancelled.
        assert first.experiment(id)["state"] == "running"
        assert until(lambda: first.get("/api/health")["leader"] == "http://elsewhere.invalid:1")
        everything(first, id).check_gapless(RUNS, series(first, id)["loss"]["steps"][-1])
        await usurper.close()
