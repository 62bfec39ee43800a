"""A websocket to an ASGI application in this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from starlette.types import ASGIApp

from backend.jobs.messages import LINK_VERSION, WorkerHello


class Wire:
    """The client's end; messages are those of ASGI."""

    def __init__(self) -> None:
        self.incoming: asyncio.Queue[Any] = asyncio.Queue()
        self.outgoing: asyncio.Queue[Any] = asyncio.Queue()

    def send(self, message: str | bytes) -> None:
        key = "text" if isinstance(message, str) else "bytes"
        self.incoming.put_nowait({"type": "websocket.receive", key: message})

    async def next(self) -> Any:
        """What the application sent: the text, or the close code as a number."""
        message = await asyncio.wait_for(self.outgoing.get(), 30)
        return message["code"] if message["type"] == "websocket.close" else message.get("text")


@asynccontextmanager
async def wire(app: ASGIApp, path: str, headers: Mapping[str, str]) -> AsyncIterator[Wire]:
    """A connection to `path`; hung up at the end, and what the application raised is raised."""
    made = Wire()
    named = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "websocket", "path": path, "headers": named, "query_string": b""}
    made.incoming.put_nowait({"type": "websocket.connect"})
    task = asyncio.ensure_future(app(scope, made.incoming.get, made.outgoing.put))
    try:
        yield made
    finally:
        made.incoming.put_nowait({"type": "websocket.disconnect", "code": 1000})
        await asyncio.wait_for(task, 30)


def hello(worker: str, experiment: str | None = None, pid: int = 1) -> str:
    """A worker's first message."""
    message = WorkerHello(link=LINK_VERSION, worker=worker, pid=pid, experiment=experiment)
    return message.model_dump_json()
