"""A viewer that stops reading holds up nobody, and gets every row once when it goes on."""

from __future__ import annotations

import asyncio
import json
import socket
from typing import Any
from urllib.parse import urlsplit

import pytest
from websockets.asyncio.client import ClientConnection, connect

from backend.services import Services
from backend.stream.wire import WireProtocol
from lrd_core.engine.frames import decode
from tests.backend.stream.alone import ROWS, publish, serving

#: All of them are more than any socket buffers.
FRAMES = 200

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
        left = asyncio.Event()
        services.hub.leave = lambda *_: left.set()  # type: ignore[method-assign]
        for seq in range(2, FRAMES + 1):
            await publish(services, seq)
            assert viewer.bytes < 2 * services.settings.viewer_bytes
        await asyncio.wait_for(left.wait(), 30)
