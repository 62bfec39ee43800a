"""A viewer that stops reading holds up nobody, and gets every row once when it goes on."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import uvicorn
from fastapi import FastAPI
from websockets.asyncio.client import ClientConnection, connect

from backend.jobs.manager import Manager
from backend.services import Services
from backend.settings import Settings
from backend.store import Store
from backend.store.frames import pack
from backend.stream import socket as stream_socket
from backend.stream.hub import Hub
from backend.stream.wire import WireProtocol
from lrd_core.engine.frames import Block, Frame, decode, encode
from tests.backend.store.test_store import experiment

ROWS = 5000
FRAMES = 200


def frame(seq: int) -> Frame:
    """40 kB; all of them are more than any socket buffers."""
    block = Block("r1", (seq - 1) * ROWS + 1, 1, ROWS, {"loss": ("f8", bytes(8 * ROWS))})
    return Frame(1, seq, [block])


@pytest.fixture
async def services(tmp_path: Path) -> AsyncIterator[Services]:
    settings = Settings(store=f"sqlite:///{tmp_path / 'lrd.sqlite3'}", viewer_bytes=200_000)
    store, hub = Store(settings.store), Hub(settings.viewer_bytes)
    await store.create(experiment(), {})
    yield Services(settings, store, hub, Manager(settings, store, hub, "token"), "token")
    store.close()


@asynccontextmanager
async def serving(services: Services, ws: Any, **options: Any) -> AsyncIterator[str]:
    """The stream's address, served over the websocket implementation `ws`."""
    app = FastAPI()
    app.state.services = services
    app.include_router(stream_socket.router)
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    config = uvicorn.Config(app, ws=ws, log_level="warning", lifespan="off", **options)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve([listener]))
    yield f"ws://127.0.0.1:{listener.getsockname()[1]}/api/experiments/e1/stream"
    server.should_exit = True
    await serving


#: This server's own, and one that has no `Wire`.
WS = (WireProtocol, "websockets-sansio")


def slow_viewer(address: str) -> connect:
    """A viewer that takes little more than one frame unless it is read."""
    narrow = socket.socket()
    # Some systems would buffer all of it.
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    narrow.connect(("127.0.0.1", urlsplit(address).port))
    return connect(address, max_queue=1, sock=narrow, **PLAIN)


PLAIN: dict[str, Any] = {
    "max_size": None,
    "compression": None,
    "ping_interval": None,
    "close_timeout": 0.5,
    "proxy": None,
}


async def read_to(viewer: ClientConnection, last: int, step: int = 0) -> tuple[int, int]:
    """Read up to frame `last`, each row once and in order; the last step, and how many hellos."""
    hellos, seq = 0, 0
    while seq < last:
        message = await asyncio.wait_for(viewer.recv(), 30)
        if isinstance(message, bytes):
            got = decode(message)
            seq = got.seq
            for block in got.blocks:
                assert block.first == step + 1
                step = block.last
        else:
            hellos += json.loads(message)["type"] == "hello"
    return step, hellos


async def publish(services: Services, seq: int) -> None:
    made = frame(seq)
    data = encode(made)
    await services.store.append_frame("e1", pack(made, data))
    services.hub.frame("e1", seq, data)


@pytest.mark.parametrize("ws", WS)
async def test_it_is_caught_up_from_the_store(services: Services, ws: Any) -> None:
    async with (
        serving(services, ws) as address,
        slow_viewer(address) as slow,
        connect(address, **PLAIN) as quick,
    ):
        await publish(services, 1)
        # Both are live now; then one stops reading.
        assert await read_to(slow, 1) == await read_to(quick, 1) == (ROWS, 1)
        reading = asyncio.create_task(read_to(quick, FRAMES, ROWS))
        for seq in range(2, FRAMES + 1):
            await publish(services, seq)
        awake, _ = await reading
        sleepy, hellos = await read_to(slow, FRAMES, ROWS)
    assert hellos >= 1
    assert awake == sleepy == FRAMES * ROWS


async def test_the_newest_state_comes_before_the_rows_that_are_missing(services: Services) -> None:
    async with serving(services, WireProtocol) as address, slow_viewer(address) as slow:
        await publish(services, 1)
        assert await read_to(slow, 1) == (ROWS, 1)
        services.hub.view("e1", "plane", {"map": "the newest"})
        for seq in range(2, FRAMES + 1):
            await publish(services, seq)
        seq = step = 0
        while True:  # what was on its way when it stopped reading
            message = await asyncio.wait_for(slow.recv(), 30)
            if isinstance(message, bytes):
                seq, step = decode(message).seq, decode(message).blocks[-1].last
            elif (told := json.loads(message))["type"] == "hello":
                break
        assert (told["seq"], told["after"]) == (FRAMES, seq)
        assert json.loads(await slow.recv())["content"] == {"map": "the newest"}
        assert await read_to(slow, FRAMES, step) == (FRAMES * ROWS, 0)


async def test_one_that_never_reads_again_is_given_up(services: Services) -> None:
    pings = {"ws_ping_interval": 0.3, "ws_ping_timeout": 0.3}
    async with serving(services, WireProtocol, **pings) as address, slow_viewer(address) as slow:
        await publish(services, 1)
        assert await read_to(slow, 1) == (ROWS, 1)
        (viewer,) = services.hub.all()
        for seq in range(2, FRAMES + 1):
            await publish(services, seq)
        assert viewer.bytes < 2 * services.settings.viewer_bytes
        left = asyncio.Event()
        services.hub.leave = lambda *_: left.set()  # type: ignore[method-assign]
        await asyncio.wait_for(left.wait(), 30)
