"""The backend's end of the worker link: ``/api/worker``."""

from __future__ import annotations

import asyncio
import hmac
import logging
from contextlib import suppress
from typing import Any, TypeVar

from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from pydantic import TypeAdapter, ValidationError
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from backend.api.errors import error_response
from backend.errors import ApiError
from backend.jobs.closing import Close, RefusedError, first_fault, shortened
from backend.jobs.job import Job
from backend.jobs.manager import Manager
from backend.jobs.messages import (
    LINK_VERSION,
    Ack,
    WorkerApplied,
    WorkerEnding,
    WorkerFailed,
    WorkerHello,
    WorkerKept,
    WorkerMessage,
    WorkerPausing,
    WorkerReady,
    WorkerReplayed,
    WorkerStatus,
    WorkerView,
)
from backend.jobs.node_messages import NodeHello
from backend.jobs.process import Send, Worker
from backend.jobs.seal import opened
from backend.jobs.unstored import RETRY_S, cause, until_stored
from backend.services import Services
from backend.store import SequenceGapError
from lrd_core.engine.frames import FrameError

log = logging.getLogger(__name__)
router = APIRouter()

_messages: TypeAdapter[WorkerMessage] = TypeAdapter(WorkerMessage)
Hello = TypeVar("Hello", WorkerHello, NodeHello)


@router.websocket("/api/worker")
async def worker_socket(socket: WebSocket) -> None:
    """One worker's connection, from hello to the end."""
    services: Services = socket.app.state.services
    if not await let_in(socket, services.token):
        return
    # One object for all its uses: it tells this connection from the worker's next one.
    send: Send = socket.send_text
    worker: Worker | None = None
    try:
        hello = checked_hello(WorkerHello, await text(socket), LINK_VERSION)
        worker = await _welcome(socket, services, hello, send)
        if worker is not None:
            await services.manager.joined(worker, assigned=hello.experiment is not None)
            await _serve(socket, services.manager, worker, send)
    except (RefusedError, FrameError, SequenceGapError) as error:
        await refuse(socket, _code(error), str(error))
    except ValidationError as error:
        await refuse(socket, Close.MESSAGE, f"message: {first_fault(error)}")
    except SQLAlchemyError as error:
        # The worker keeps what is not acknowledged, and comes back later with it.
        log.error("worker link closed, the store failed: %s", cause(error))
        with suppress(RuntimeError):
            await socket.close(Close.STORE_FAILED, "the store failed")
    except (WebSocketDisconnect, RuntimeError) as error:
        log.debug("worker link cut: %s", error)
    finally:
        if worker is not None:
            await _lost(services.manager, worker, send)


async def let_in(socket: WebSocket, token: str) -> bool:
    """Accept a connection that brings this server's token; turn away any other."""
    given = socket.headers.get("authorization", "")
    if hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
        await socket.accept()
        return True
    await _turn_away(socket)
    return False


async def _turn_away(socket: WebSocket) -> None:
    allowed = "the token in worker.token, beside this server's store"
    message = f"token: it is not this server's; use {allowed}"
    error = ApiError(403, "token", None, allowed, message)
    log.warning("a worker was turned away: %s", message)
    if "websocket.http.response" in socket.scope.get("extensions", {}):
        await socket.send_denial_response(error_response(error))
    else:
        await socket.close(Close.TOKEN, shortened(message))


async def _welcome(
    socket: WebSocket, services: Services, hello: WorkerHello, send: Send
) -> Worker | None:
    """The worker that says hello, attached to this connection; None if it is sent away."""
    worker = await services.manager.welcome(hello.worker, hello.pid, hello.experiment, hello.node)
    if worker is None:
        await socket.close(Close.GO_AWAY, "not needed any more")
        return None
    if hello.experiment is not None:
        # Says where the store stands, before anything new can come.
        newest = await services.store.newest(hello.experiment)
        await send(Ack(seq=newest).model_dump_json())
    await worker.hang_up(Close.REPLACED, "this worker has connected anew")
    worker.attach(send, socket.close)
    return worker


async def text(socket: WebSocket) -> str:
    """The next message, which has to be text.

    Raises:
        WebSocketDisconnect: the connection has ended.
        RefusedError: bytes came.
    """
    received = await socket.receive()
    if received["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(received.get("code", 1006))
    found = received.get("text")
    if found is None:
        raise RefusedError(Close.MESSAGE, "hello: bytes came; send JSON text first")
    return str(found)


def checked_hello(kind: type[Hello], said: str, version: int) -> Hello:
    """The hello that a text says, of whoever speaks `version`.

    Raises:
        RefusedError: it is none, or of another version.
    """
    try:
        hello = kind.model_validate_json(said)
    except ValidationError as error:
        raise RefusedError(Close.MESSAGE, f"hello: {first_fault(error)}") from None
    if hello.link != version:
        words = f"link: version {hello.link} is not known here ({version} is)"
        raise RefusedError(Close.VERSION, f"{words}; install one version on both ends")
    return hello


async def _lost(manager: Manager, worker: Worker, send: Send) -> None:
    try:
        await manager.lost(worker, send)
    except SQLAlchemyError as error:
        log.error("the end of a worker's link is not stored: %s", cause(error))


async def refuse(socket: WebSocket, code: Close, words: str) -> None:
    """Close a connection, saying why."""
    log.warning("worker link closed: %s", words)
    with suppress(RuntimeError):
        await socket.close(code, shortened(words))


def _code(error: Exception) -> Close:
    if isinstance(error, RefusedError):
        return error.code
    return Close.GAP if isinstance(error, SequenceGapError) else Close.FRAME


async def _serve(socket: WebSocket, manager: Manager, worker: Worker, send: Send) -> None:
    while True:
        received = await socket.receive()
        if received["type"] == "websocket.disconnect" or worker.send is not send:
            return
        job = manager.job(worker.experiment or "")
        # What a process that was given up still says is not part of the record.
        if job is None or job.worker is not worker:
            continue
        message = _message(received)
        if job.hold.error is not None and not isinstance(message, WorkerView):
            continue  # it is not acknowledged, so that it comes again
        try:
            answer = await _take_in(job, message)
        except OperationalError as error:
            await job.hold.begin(error)
            manager.tasks.start(_hold(job, message))
            continue
        if answer is not None:
            await send(answer)


async def _hold(job: Job, message: bytes | WorkerMessage) -> None:
    """Try what the store did not take until it does; then everything after it is to come again."""

    async def again() -> None:
        await _take_in(job, message)

    await asyncio.sleep(RETRY_S)
    try:
        await until_stored(again, lambda: job.hold.error is not None)
    finally:
        await until_stored(job.hold.end, lambda: job.hold.error is not None)


def _message(received: Any) -> bytes | WorkerMessage:
    """A frame's bytes, or what a text says.

    Raises:
        FrameError: the bytes came damaged.
        RefusedError: a text that is no message.
    """
    data = received.get("bytes")
    if data is not None:
        return opened(data)
    try:
        return _messages.validate_json(received["text"])
    except ValidationError as error:
        raise RefusedError(Close.MESSAGE, f"message: {first_fault(error)}") from None


async def _take_in(job: Job, message: bytes | WorkerMessage) -> str | None:
    """Handle one message; the answer to send."""
    match message:
        case bytes():
            return (await job.on_frame(message)).model_dump_json()
        case WorkerApplied():
            return (await job.on_applied(message)).model_dump_json()
        case WorkerStatus():
            await job.on_status(message)
        case WorkerReplayed():
            stored = await job.on_replayed(message)
            return None if stored is None else stored.model_dump_json()
        case WorkerView():
            job.on_view(message)
        case WorkerEnding():
            return job.on_ending(message).model_dump_json()
        case WorkerPausing():
            return (await job.on_pausing(message)).model_dump_json()
        case WorkerKept():
            return (await job.on_kept(message)).model_dump_json()
        case WorkerReady():
            await job.on_ready(message)
        case WorkerFailed():
            return (await job.on_failed(message)).model_dump_json()
    return None
