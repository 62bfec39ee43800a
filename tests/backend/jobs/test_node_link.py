"""A node's end of its link: it comes back after whatever a server says."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from websockets.asyncio.server import ServerConnection, serve

from backend.jobs.node import NodeProcess, NodeSettings


async def test_a_message_that_is_not_known_is_no_end(tmp_path: Path) -> None:
    hellos: list[Any] = []
    again = asyncio.Event()

    async def server(socket: ServerConnection) -> None:
        hellos.append(json.loads(await socket.recv()))
        await socket.send('{"type": "welcome"}')
        if len(hellos) == 1:
            await socket.send('{"type": "dance"}')
        else:
            again.set()
        await socket.wait_closed()

    said: list[str] = []
    async with serve(server, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        given = NodeSettings(f"ws://127.0.0.1:{port}", "secret", "box", tmp_path, places=3)
        node = NodeProcess(given, said.append)
        running = asyncio.create_task(node.run())
        await asyncio.wait_for(again.wait(), 30)
        node.leave()
        await asyncio.wait_for(running, 30)
    assert [(one["node"], one["places"]) for one in hellos] == [("box", 3)] * 2
    assert hellos[0]["instance"] == hellos[1]["instance"]
    where = ", ".join(hellos[0]["devices"])
    assert said[0] == f"box trains for ws://127.0.0.1:{port}: 3 places on {where}"
