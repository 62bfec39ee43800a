"""One server shared by the tests that leave it whole."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

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
