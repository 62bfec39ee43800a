"""The dashboard served alone, in front of a backend elsewhere."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from websockets import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.backend.server import ROOT, Rows, Server, free_port, running_server, until

#: A proxy nobody answers at; it is not on the way to the backend.
WAY_OUT = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), "http://127.0.0.1:9")
WAY_OUT |= {"NO_PROXY": "", "no_proxy": ""}


def serve_alone(port: int, backend: str, folder: Path) -> subprocess.Popen[bytes]:
    words = "-m uvicorn frontend.server:create_alone --factory --ws websockets-sansio --port"
    with (folder / "alone.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, *words.split(), str(port)],
            cwd=ROOT,
            env=os.environ | {"LRD_BACKEND_URL": backend, **WAY_OUT, "LRD_MAX_BODY": "2000"},
            stdout=log,
            stderr=log,
        )


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, str]]:
    """A backend, and the address of a dashboard before it."""
    folder = tmp_path_factory.mktemp("alone")
    with running_server(folder) as backend:
        port = free_port()
        process = serve_alone(port, backend.url, folder)
        try:
            until(lambda: answers(port), what="the start of the dashboard")
            yield backend, f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(20)


def answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/_stcore/health").status_code == 200
    except httpx.TransportError:
        return False


def test_pages_and_api_come_from_one_origin(pair: tuple[Server, str]) -> None:
    backend, url = pair
    assert "<html" in httpx.get(url).text
    assert httpx.get(f"{url}/api/health").json()["status"] == "ok"
    made = httpx.post(f"{url}/api/experiments", json={"problem": "beale", "paused": True})
    assert made.status_code == 201
    id = made.json()["id"]
    assert backend.experiment(id)["problem"] == "beale"
    wrong = httpx.post(f"{url}/api/experiments", json={"problem": "nope"})
    assert wrong.status_code == 422
    assert wrong.json()["error"]["field"] == "problem"


def test_a_long_body_is_refused_before_the_backend_sees_it(pair: tuple[Server, str]) -> None:
    _, url = pair
    answer = httpx.post(f"{url}/api/experiments", json={"problem": "x" * 3000})
    assert answer.status_code == 413
    assert "2,000" in answer.json()["error"]["allowed"]


def test_the_stream_passes_through_with_its_close_codes(pair: tuple[Server, str]) -> None:
    backend, url = pair
    id = backend.create(problem="beale", speed=0, steps=50)["id"]
    rows = Rows()
    address = url.replace("http", "ws")
    with connect(f"{address}/api/experiments/{id}/stream?after=0", proxy=None) as socket:
        rows.read_to(socket, 50, "r4")
        socket.send("nonsense")
        until(lambda: closed(socket), what="the refusal")
        assert socket.close_code == 4400
    rows.check_gapless(["r1", "r4"], 50)


def closed(socket: ClientConnection) -> bool:
    try:
        socket.recv(timeout=0.05)
    except TimeoutError:
        return False
    except ConnectionClosed:
        return True
    return False


def test_a_foreign_host_or_origin_is_refused(pair: tuple[Server, str]) -> None:
    _, url = pair
    assert httpx.get(url, headers={"Host": "evil.example"}).status_code == 400
    assert httpx.get(url, headers={"Origin": "http://evil.example"}).status_code == 403


def test_a_backend_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    port, nobody = free_port(), free_port()
    process = serve_alone(port, f"http://127.0.0.1:{nobody}", tmp_path)
    try:
        until(lambda: answers(port), what="the start of the dashboard")
        answer = httpx.get(f"http://127.0.0.1:{port}/api/health")
        assert answer.status_code == 502
        assert "start the backend" in answer.json()["error"]["message"]
    finally:
        process.terminate()
        process.wait(20)
