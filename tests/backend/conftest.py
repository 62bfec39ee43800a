"""Shared by the tests: one server for those that leave it whole, and a PostgreSQL."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.backend.postgres import Postgres, shared_postgres
from tests.backend.server import Server, running_server


@pytest.fixture(scope="session")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_server(tmp_path_factory.mktemp("server"), max_jobs=4) as server:
        yield server


@pytest.fixture
def server(shared_server: Server) -> Iterator[Server]:
    """The shared server; what the test started is stopped after it."""
    before = {summary["id"] for summary in shared_server.get("/api/experiments")}
    yield shared_server
    for summary in shared_server.get("/api/experiments"):
        active = summary["state"] in ("queued", "starting", "running", "paused")
        if active and summary["id"] not in before:
            shared_server.control(summary["id"], kind="stop")


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A PostgreSQL server, one for all test processes of a session."""
    folder = tmp_path_factory.getbasetemp()
    # Every test process has a folder of its own in the session's.
    shared = folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder
    with shared_postgres(shared) as server:
        yield server


@pytest.fixture
def postgres_url(postgres: Postgres) -> Iterator[str]:
    """The URL of an empty PostgreSQL database of the test's own."""
    with postgres.database() as url:
        yield url
