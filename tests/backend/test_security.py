"""Who may come in, how much they may send, and what a page may load."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest
from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from backend.app import streamlit_page
from backend.security import Doors, content_policy, host_name, inline_hashes
from tests.backend.server import Server


async def nothing(scope: Scope, receive: Receive, send: Send) -> None:
    raise AssertionError("the doors let it in")


def refused(host: str, origin: str | None = None, allowed: tuple[str, ...] = ()) -> int:
    doors = Doors(nothing, "127.0.0.1", allowed, "")
    headers = {"host": host} | ({} if origin is None else {"origin": origin})
    error = doors.refusal(Headers(headers))
    return error.status if error else 0


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost", "LOCALHOST:1", "[::1]:8000"])
def test_loopback_names_may_come_in(host: str) -> None:
    assert refused(host) == 0
    assert refused(host, f"http://{host}") == 0


@pytest.mark.parametrize(
    "host", ["", "evil.example", "127.0.0.1.evil.example", "localhost@evil.example", "127.0.0.1:x"]
)
def test_other_names_may_not(host: str) -> None:
    assert refused(host) == 400


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "null",
        "",
        "http://localhost:8000",
        "http://127.0.0.1:9000",
        "file://127.0.0.1:8000",
        "http://127.0.0.1:8000.evil.example",
    ],
)
def test_pages_of_other_servers_may_not_ask(origin: str) -> None:
    assert refused("127.0.0.1:8000", origin) == 403


def test_named_hosts_are_let_in() -> None:
    assert refused("lab.example", allowed=("lab.example",)) == 0
    assert refused("lab.example", "https://lab.example", ("Lab.Example",)) == 0
    assert refused("127.0.0.1:8000", "https://lab.example", ("lab.example",)) == 0


def test_host_names_lose_their_port() -> None:
    assert host_name("Example.ORG:80") == "example.org"
    assert host_name("[::1]:8000") == "[::1]"
    assert host_name("a:b:c") == ""


def test_only_inline_scripts_are_hashed(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("<script src='x.js'></script><script>alert(1)</script>")
    # printf 'alert(1)' | openssl dgst -sha256 -binary | base64
    assert inline_hashes(page) == ["sha256-bhHHL3z2vDgxUt0W3dWQOrprscmda2Y5pLsLg4GF+pI="]
    assert "'sha256-bhHHL3z2vDgxUt0W3dWQOrprscmda2Y5pLsLg4GF+pI='" in content_policy(page)


def test_the_dashboards_page_has_an_inline_script_that_is_allowed() -> None:
    page = streamlit_page()
    assert page is not None
    assert "'sha256-" in content_policy(page)


def test_every_answer_carries_the_headers_and_none_of_cors(server: Server) -> None:
    for path in ("/api/health", "/api/nothing-here", "/"):
        headers = server.client.get(path, headers={"Origin": server.url}).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "object-src 'none'" in headers["content-security-policy"]
        assert "referrer-policy" in headers
        assert not [name for name in headers if name.startswith("access-control")]


def test_a_foreign_host_or_origin_is_told_what_is_allowed(server: Server) -> None:
    answer = server.client.get("/api/health", headers={"Host": "evil.example"})
    assert answer.status_code == 400
    assert answer.json()["error"]["field"] == "Host"
    assert "localhost" in answer.json()["error"]["allowed"]
    answer = server.client.post("/api/experiments", headers={"Origin": "http://evil.example"})
    assert answer.status_code == 403
    assert answer.json()["error"]["value"] == "http://evil.example"


@pytest.mark.parametrize("path", ["/api/experiments/x/stream", "/api/worker"])
def test_websockets_of_foreign_pages_are_refused(server: Server, path: str) -> None:
    address = f"ws://127.0.0.1:{server.port}{path}"
    with pytest.raises(InvalidStatus) as caught:
        connect(address, origin="http://evil.example", proxy=None)
    assert caught.value.response.status_code == 403
    with pytest.raises(InvalidStatus):
        connect(address, additional_headers={"Host": "evil.example"}, proxy=None)


def test_a_worker_without_the_token_is_refused(server: Server) -> None:
    address = f"ws://127.0.0.1:{server.port}/api/worker"
    for headers in ({}, {"Authorization": "Bearer wrong"}):
        with pytest.raises(InvalidStatus) as caught:
            connect(address, additional_headers=headers, proxy=None)
        assert caught.value.response.status_code == 403


def test_the_token_is_for_the_owners_eyes(server: Server) -> None:
    assert (server.folder / "worker.token").stat().st_mode & 0o077 == 0


def test_a_body_over_1_mb_is_refused_also_in_chunks(server: Server) -> None:
    body = json.dumps({"name": "x" * 1_100_000}).encode()
    whole = server.client.post("/api/experiments", content=body)
    chunks = httpx.post(
        f"{server.url}/api/experiments",
        content=(body[i : i + 65536] for i in range(0, 1_100_000, 65536)),
    )
    for answer in (whole, chunks):
        assert answer.status_code == 413
        assert answer.json()["error"]["field"] == "body"
        assert "1,000,000" in answer.json()["error"]["allowed"]
    assert server.client.get("/api/health").status_code == 200
