"""Paths and methods that the API lacks, with a dashboard behind it and without."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from starlette.responses import HTMLResponse
from starlette.types import Receive, Scope, Send

from backend.app import create_app
from backend.settings import Settings
from tests.backend.asgi import wire


class Dashboard:
    """Answers everything with its page, as Streamlit does."""

    def lifespan(self) -> Callable[[Any], AbstractAsyncContextManager[None]]:
        @asynccontextmanager
        async def nothing(_app: Any) -> AsyncIterator[None]:
            yield

        return nothing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await HTMLResponse("<html>the dashboard</html>")(scope, receive, send)


@pytest.fixture(params=[None, Dashboard()], ids=["api alone", "with dashboard"])
def app(request: pytest.FixtureRequest) -> FastAPI:
    return create_app(Settings(), dash=request.param)


async def ask(app: FastAPI, method: str, path: str) -> httpx.Response:
    through = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=through, base_url="http://127.0.0.1") as client:
        return await client.request(method, path)


@pytest.mark.parametrize("path", ["/api", "/api/", "/api/nope", "/api/experiments/x/nope"])
@pytest.mark.parametrize("method", ["GET", "POST", "FETCH"])
async def test_an_unknown_path_is_404(app: FastAPI, method: str, path: str) -> None:
    answer = await ask(app, method, path)
    assert answer.status_code == 404
    error = answer.json()["error"]
    assert (error["field"], error["value"]) == ("path", path)
    assert "/api/docs" in error["allowed"]


@pytest.mark.parametrize(
    ("method", "path"),
    [("DELETE", "/api/health"), ("PUT", "/api/experiments/x/controls"), ("FETCH", "/api/docs")],
)
async def test_a_wrong_method_is_405(app: FastAPI, method: str, path: str) -> None:
    answer = await ask(app, method, path)
    assert answer.status_code == 405
    assert answer.json()["error"]["field"] == "method"
    assert answer.json()["error"]["value"] == method


async def test_an_unknown_websocket_is_refused(app: FastAPI) -> None:
    async with wire(app, "/api/nope", {"host": "127.0.0.1"}) as socket:
        assert await socket.next() == 4404


async def test_other_paths_are_the_dashboards() -> None:
    app = create_app(Settings(), dash=Dashboard())
    assert "the dashboard" in (await ask(app, "GET", "/apiary")).text
    assert (await ask(app, "GET", "/api/problems/beale")).json()["name"] == "beale"
