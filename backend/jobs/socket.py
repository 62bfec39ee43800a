"""The backend's end of the worker link: ``/api/worker``."""

from __future__ import annotations

import hmac
import logging
from contextlib import suppress
from typing import Any

from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from pydantic import TypeAdapter, ValidationError
from sqlalchemy.exc import SQLAlchemyError

from backend.jobs.crew import Worker
from backend.jobs.job import Job
from backend.jobs.link import GO_AWAY
from backend.jobs.manager import Manager
from backend.jobs.messages import (
    Ack,
    WorkerApplied,
    WorkerEnding,
    WorkerFailed,
    WorkerHello,
    WorkerMessage,
    WorkerReady,
    WorkerReplayed,
    WorkerStatus,
    WorkerView,
)
from backend.store import SequenceGapError
from lrd_core.engine.frames import FrameError

log = logging.getLogger(__name__)
router = APIRouter()

#: Close code for a store that took nothing: come back later.
STORE_FAILED = 1011

_messages: TypeAdapter[WorkerMessage] = TypeAdapter(WorkerMessage)


@router.websocket("/api/worker")
async def worker_socket(socket: WebSocket) -> None:
    """One worker's connection, from hello to the end."""
    services = socket.app.state.services
    given = socket.headers.get("authorization", "")
    if not hmac.compare_digest(given.encode(), f"Bearer {services.token}".encode()):
        await socket.close(4403, "token: not this server's")
        return
    await socket.accept()
    manager: Manager = services.manager
    worker: Worker | None = None
    try:
        hello = WorkerHello.model_validate_json(await socket.receive_text())
        worker = await manager.welcome(hello.worker, hello.pid, hello.experiment)
        if worker is None:
            await socket.close(GO_AWAY, "not needed any more")
            return
        if hello.experiment is not None:
            # Says where the store stands, before anything new can come.
            newest = await services.store.newest(hello.experiment)
            await socket.send_text(Ack(seq=newest).model_dump_json())
        worker.attach(socket.send_text)
        await manager.joined(worker, assigned=hello.experiment is not None)
        await _serve(socket, manager, worker)
    except (
        WebSocketDisconnect,
        ValidationError,
        FrameError,
        SequenceGapError,
        RuntimeError,
    ) as error:
        if not isinstance(error, WebSocketDisconnect):
            log.warning("worker link closed: %s", error)
            with suppress(RuntimeError):
                await socket.close(4400, str(error)[:100])
    except SQLAlchemyError as error:
        # The worker keeps what is not acknowledged, and comes back later with it.
        log.error("worker link closed, the store failed: %s", _cause(error))
        with suppress(RuntimeError):
            await socket.close(STORE_FAILED, "the store failed")
    finally:
        if worker is not None:
            await _lost(manager, worker)


async def _lost(manager: Manager, worker: Worker) -> None:
    try:
        await manager.lost(worker)
    except SQLAlchemyError as error:
        log.error("the end of a worker's link is not stored: %s", _cause(error))


def _cause(error: SQLAlchemyError) -> str:
    """What the database said, on one line and without the statement."""
    return str(getattr(error, "orig", None) or error).splitlines()[0]


async def _serve(socket: WebSocket, manager: Manager, worker: Worker) -> None:
    while True:
        received = await socket.receive()
        if received["type"] == "websocket.disconnect":
            return
        job = manager.job(worker.experiment or "")
        # What a process that was given up still says is not part of the record.
        if job is not None and job.worker is worker:
            answer = await _take_in(job, received)
            if answer is not None:
                await socket.send_text(answer)


async def _take_in(job: Job, received: Any) -> str | None:
    """Handle one message; the answer to send."""
    data = received.get("bytes")
    if data is not None:
        return (await job.on_frame(data)).model_dump_json()
    message = _messages.validate_json(received["text"])
    match message:
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
        case WorkerReady():
            await job.on_ready(message)
        case WorkerFailed():
            await job.on_failed(message)
    return None
