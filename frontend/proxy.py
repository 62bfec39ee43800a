"""Passes `/api` on to another backend, HTTP and websockets, for a dashboard served alone."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import streamlit as st
import websockets
from fastapi import FastAPI, Request, WebSocket
from fastapi.responses import JSONResponse
from starlette.websockets import WebSocketDisconnect
from websockets.asyncio.client import ClientConnection, connect

from backend import forward
from backend.app import Immutable, streamlit_page
from backend.forward import pass_on
from backend.security import BodyLimit, Doors, content_policy
from backend.settings import load_settings
from lrd_core.settings import SettingError

MAX_MESSAGE = 64 * 2**20
METHODS = ["GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"]


def backend_url() -> httpx.URL:
    """The backend's address from `LRD_BACKEND_URL`.

    Raises:
        SettingError: missing, or not an http address.
    """
    text = os.environ.get("LRD_BACKEND_URL", "")
    url = httpx.URL(text)
    if url.scheme not in ("http", "https") or not url.host:
        raise SettingError("LRD_BACKEND_URL", text, "an address such as http://backend:8000")
    return url


def create_proxy(dash: st.App, assets: Path) -> FastAPI:
    """An application with the dashboard and the backend's `/api` behind the same origin."""
    url = backend_url()
    client = forward.client(url)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[Any]:
        async with dash.lifespan()(app) as state, client:
            yield state

    app = FastAPI(lifespan=lifespan, openapi_url=None)

    @app.api_route("/api/{path:path}", methods=METHODS)
    async def forward_request(request: Request, path: str) -> Any:
        return await _forward(client, request)

    @app.websocket("/api/{path:path}")
    async def forward_socket(socket: WebSocket, path: str) -> None:
        await _bridge(url, socket)

    app.mount("/live", Immutable(directory=assets, check_dir=False))
    app.mount("/", dash)
    settings = load_settings()
    app.add_middleware(BodyLimit, limit=settings.max_body)
    policy = content_policy(streamlit_page())
    app.add_middleware(Doors, host=settings.host, allowed=settings.allowed_hosts, policy=policy)
    return app


async def _forward(client: httpx.AsyncClient, request: Request) -> Any:
    try:
        return await pass_on(client, request)
    except httpx.TransportError as error:
        allowed = "a backend that answers"
        message = f"LRD_BACKEND_URL: {client.base_url} does not answer ({error}); start the backend"
        detail = {"field": "LRD_BACKEND_URL", "value": str(client.base_url), "allowed": allowed}
        return JSONResponse({"error": detail | {"message": message}}, status_code=502)


async def _bridge(url: httpx.URL, socket: WebSocket) -> None:
    """Copy messages both ways until either side closes; its close code goes to the other."""
    scheme = "wss" if url.scheme == "https" else "ws"
    query = f"?{socket.url.query}" if socket.url.query else ""
    target = f"{scheme}://{url.netloc.decode()}{socket.url.path}{query}"
    await socket.accept()
    try:
        async with connect(target, max_size=MAX_MESSAGE, compression=None, proxy=None) as upstream:
            down = asyncio.create_task(_down(upstream, socket))
            up = asyncio.create_task(_up(socket, upstream))
            _, pending = await asyncio.wait((down, up), return_when=asyncio.FIRST_COMPLETED)
            for task in pending:
                task.cancel()
            code, reason = upstream.close_code or 1001, upstream.close_reason or ""
    except (OSError, websockets.WebSocketException) as error:
        code, reason = 1013, f"the backend does not answer: {error}"
    with suppress(RuntimeError, WebSocketDisconnect):
        await socket.close(code if code != 1006 else 1011, reason[:120])


async def _down(upstream: ClientConnection, socket: WebSocket) -> None:
    with suppress(websockets.ConnectionClosed, WebSocketDisconnect, RuntimeError):
        async for message in upstream:
            await (
                socket.send_text(message)
                if isinstance(message, str)
                else socket.send_bytes(message)
            )


async def _up(socket: WebSocket, upstream: ClientConnection) -> None:
    with suppress(websockets.ConnectionClosed, WebSocketDisconnect):
        while True:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            await upstream.send(message.get("text") or message.get("bytes") or "")
