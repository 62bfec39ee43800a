"""A worker's door on a real port, with a store behind it and the test in the worker's place."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from fastapi import FastAPI
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from backend.jobs import socket as worker_socket
from backend.jobs.manager import Manager
from backend.jobs.messages import Ack, Assign
from backend.protocol import ExperimentIn
from backend.server import make_server
from backend.services import Services
from backend.settings import Settings
from backend.store import Store
from backend.stream.hub import Hub
from tests.backend.asgi import hello
from tests.backend.server import free_port, until

TOKEN = "token"
Result = TypeVar("Result")


class Door:
    """The door, and one experiment that was assigned to `worker`."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.url = services.settings.link_url()
        self._loop = asyncio.new_event_loop()
        app = FastAPI()
        app.include_router(worker_socket.router)
        app.state.services = services
        self._server = make_server(app, services.settings)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        until(lambda: self._server.started, what="the start of the door")
        self.id = self.call(services.manager.create(ExperimentIn(problem="booth"))).id
        [worker] = services.manager.crew.all()
        self.worker = worker.name
        with self.knock() as link:
            link.send(hello(self.worker))
            assert Assign.model_validate_json(link.recv()).experiment == self.id

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._server.serve())

    def call(self, work: Coroutine[Any, Any, Result]) -> Result:
        """What `work` gives, done on the server's loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def close(self) -> None:
        self._server.should_exit = True
        self._thread.join(30)

    @contextmanager
    def knock(self, token: str = TOKEN) -> Iterator[ClientConnection]:
        """A connection that has said nothing yet."""
        headers = {"Authorization": f"Bearer {token}"}
        with connect(
            self.url, additional_headers=headers, proxy=None, compression=None, close_timeout=1
        ) as link:
            yield link

    @contextmanager
    def inside(self) -> Iterator[ClientConnection]:
        """A connection of the worker, which has come back."""
        with self.knock() as link:
            link.send(hello(self.worker, self.id))
            assert Ack.model_validate_json(link.recv()).seq == self.newest()
            yield link

    def newest(self) -> int:
        return self.call(self.services.store.newest(self.id))

    def stored(self) -> list[tuple[int, bytes]]:
        """All frames that are stored."""

        async def read() -> list[tuple[int, bytes]]:
            return [piece async for piece in self.services.store.history(self.id, 0)]

        return self.call(read())


def closed(link: ClientConnection, *messages: bytes | str) -> tuple[int, str]:
    """Code and reason with which the other end closes after these messages."""
    end: ConnectionClosed | None = None
    try:
        for message in messages:
            link.send(message)
        while True:
            link.recv(timeout=30)
    except ConnectionClosed as error:
        end = error
    assert end.rcvd is not None, "cut without a word"
    return end.rcvd.code, end.rcvd.reason


@contextmanager
def open_door(folder: Path) -> Iterator[Door]:
    settings = Settings(store=f"sqlite:///{folder}/lrd.sqlite3", start_limit=30, port=free_port())
    store, hub = Store(settings.store), Hub()
    door = Door(Services(settings, store, hub, Manager(settings, store, hub, TOKEN), TOKEN))
    try:
        yield door
    finally:
        door.close()
        store.close()
