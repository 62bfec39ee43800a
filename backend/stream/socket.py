"""A viewer's websocket, ``/api/experiments/{id}/stream?after=SEQ``: hello, history, live.

docs/protocol.md describes it; `backend.stream.checks` has the close codes.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from starlette.datastructures import QueryParams

from backend.errors import ApiError
from backend.jobs.manager import Manager
from backend.protocol import Hello, Pong
from backend.services import Services
from backend.store import Store
from backend.stream.checks import (
    UNKNOWN,
    RefusedError,
    check_message,
    check_version,
    cursor_of,
    shortened,
)
from backend.stream.hub import Hub
from backend.stream.viewer import News, Viewer
from backend.stream.wire import EXTENSION

log = logging.getLogger(__name__)
router = APIRouter()

#: Seconds until a store is asked again that does not have yet what was told.
LAG_S = 0.05
PONG = News(Pong().model_dump_json(), key="pong")


@router.websocket("/api/experiments/{id}/stream")
async def stream_socket(socket: WebSocket, id: str) -> None:
    """Everything about one experiment, from frame `after` on."""
    await socket.accept()
    services: Services = socket.app.state.services
    try:
        cursor = await _cursor(services, id, socket.query_params)
    except RefusedError as error:
        await socket.close(error.code, shortened(str(error)))
        return
    wire = (socket.scope.get("extensions") or {}).get(EXTENSION)
    viewer = services.hub.join(id, wire)
    viewer.cursor = cursor
    log.info("viewer came", extra={"experiment": id, "after": cursor})
    session = Session(socket, services, id, viewer)
    try:
        await session.run()
    finally:
        services.hub.leave(id, viewer)
        told = {"experiment": id, "seq": viewer.cursor, "falls": viewer.falls}
        log.info("viewer left", extra=told)


async def _cursor(services: Services, id: str, query: QueryParams) -> int:
    """The frame number to start after."""
    check_version(query.get("v"))
    try:
        await services.manager.experiment(id)
    except ApiError as error:
        raise RefusedError(UNKNOWN, error.message) from None
    store, reads = services.store, services.hub.reads
    newest = await reads.read(("newest", id), lambda: store.newest(id))
    return cursor_of(query.get("after", "0"), id, newest)


class Session:
    """One viewer's connection."""

    def __init__(self, socket: WebSocket, services: Services, id: str, viewer: Viewer) -> None:
        self._socket = socket
        self._store: Store = services.store
        self._manager: Manager = services.manager
        self._hub: Hub = services.hub
        self._id = id
        self._viewer = viewer

    async def run(self) -> None:
        """Send and receive until either ends."""
        tasks = [asyncio.create_task(self._send()), asyncio.create_task(self._receive())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        except RefusedError as error:
            log.info("viewer refused: %s", error, extra={"experiment": self._id})
            await self._close(error.code, str(error))
        except WebSocketDisconnect:
            pass
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _close(self, code: int, reason: str) -> None:
        with suppress(RuntimeError, WebSocketDisconnect):
            await self._socket.close(code, shortened(reason))

    async def _send(self) -> None:
        """What the hub could not send itself."""
        while True:
            news = await self._viewer.next()
            if news is None:
                await self._catch_up()
            else:
                await self._pass_on(news)

    async def _pass_on(self, news: News) -> None:
        if news.key not in self._viewer.known:
            kind = "bytes" if news.seq else "text"
            await self._socket.send({"type": "websocket.send", kind: news.data})
            self._hub.traffic.sent(len(news.data))
        self._viewer.sent(news)

    async def _catch_up(self) -> None:
        """The newest state at once, then the rows that are missing, at the viewer's own pace; what
        happens meanwhile is told between them."""
        viewer = self._viewer
        self._hub.catching_up(self._id, viewer)
        await self._say_hello()
        await self._tell_waiting()
        while not viewer.lost:
            before = viewer.cursor
            while (piece := await self._piece(viewer.cursor)) is not None:
                seq, data = piece
                await self._socket.send_bytes(data)
                self._hub.traffic.sent(len(data))
                viewer.cursor = seq
                await self._tell_waiting()
            if viewer.caught_up():
                return
            if viewer.cursor == before:  # a store that lags behind what it has told
                await asyncio.sleep(LAG_S)

    async def _piece(self, after: int) -> tuple[int, bytes] | None:
        """The next stored rows after a frame."""

        async def read() -> tuple[int, bytes] | None:
            return await anext(self._store.history(self._id, after), None)

        return await self._hub.reads.read(("rows", self._id, after), read)

    async def _tell_waiting(self) -> None:
        while (news := self._viewer.first()) is not None:
            await self._pass_on(news)

    async def _say_hello(self) -> None:
        experiment = await self._manager.experiment(self._id)
        reads, store, id = self._hub.reads, self._store, self._id
        controls = await reads.read(("controls", id), lambda: store.controls(id))
        hello = Hello(
            experiment=experiment,
            controls=controls,
            seq=await reads.read(("newest", id), lambda: store.newest(id)),
            after=self._viewer.cursor,
            viewers=self._hub.viewers(self._id),
        )
        self._viewer.known = {control.id for control in controls}
        text = hello.model_dump_json()
        await self._socket.send_text(text)
        self._hub.traffic.sent(len(text))

    async def _receive(self) -> None:
        while True:
            received = await self._socket.receive()
            if received["type"] == "websocket.disconnect":
                return
            check_message(received)
            if self._viewer.put(PONG):
                self._hub.traffic.sent(len(PONG.data))
