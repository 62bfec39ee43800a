"""The stream without jobs: the test itself stores frames and tells the hub."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from fastapi import FastAPI

from backend.jobs import socket as worker_socket
from backend.services import Services
from backend.store.frames import pack
from backend.stream import socket as stream_socket
from lrd_core.engine.frames import Block, Frame, encode

ROWS = 5000


@asynccontextmanager
async def serving(services: Services, ws: Any, **options: Any) -> AsyncIterator[str]:
    """The address of experiment e1's stream, served over the websocket implementation `ws`."""
    app = FastAPI()
    app.state.services = services
    app.include_router(stream_socket.router)
    app.include_router(worker_socket.router)
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    config = uvicorn.Config(app, ws=ws, log_level="critical", lifespan="off", **options)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve([listener]))
    yield f"ws://127.0.0.1:{listener.getsockname()[1]}/api/experiments/e1/stream"
    server.should_exit = True
    await serving


def frame(seq: int) -> Frame:
    """40 kB."""
    block = Block("r1", (seq - 1) * ROWS + 1, 1, ROWS, {"loss": ("f8", bytes(8 * ROWS))})
    return Frame(1, seq, [block])


async def publish(services: Services, seq: int) -> None:
    made = frame(seq)
    data = encode(made)
    await services.store.append_frame("e1", pack(made, data))
    services.hub.frame("e1", seq, data)
