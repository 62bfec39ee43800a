"""A long replay is told in several messages; what came of it comes with the last."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from backend.jobs import socket as worker_socket
from backend.jobs.compare import MOST_LOSSES, in_pieces
from backend.jobs.manager import Manager
from backend.jobs.outbox import Outbox
from backend.jobs.seal import sealed
from backend.jobs.worker import BackendSink
from backend.protocol import ExperimentIn
from backend.services import Services
from backend.settings import Settings
from backend.store import Store
from backend.stream.hub import Hub
from lrd_core.engine.controls import Replayed
from lrd_core.engine.frames import ColumnBuffer, Frame, encode
from tests.backend.asgi import Wire, hello, wire

TOKEN = {"Authorization": "Bearer token"}
#: What two runs have recorded; one step has no finite loss.
LOSSES = {"r1": [1.0, 0.5, math.nan, 0.25, 0.125], "r2": [2.0, 1.5, 1.25, 1.0, 0.5, 0.25]}


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    """A store and a manager that has no nursery: its workers are what the test plays."""
    settings = Settings(store=f"sqlite:///{tmp_path}/lrd.sqlite3")
    store, hub = Store(settings.store), Hub()
    yield Services(settings, store, hub, Manager(settings, store, hub, "token"), "token")
    store.close()


@pytest.fixture
def app(services: Services) -> FastAPI:
    made = FastAPI()
    made.include_router(worker_socket.router)
    made.state.services = services
    return made


def told(outbox: Outbox) -> list[str]:
    """All that goes out now."""
    texts = []
    while (text := outbox.take(0)) is not None:
        texts.append(str(text))
    return texts


async def recorded(services: Services, link: Wire) -> tuple[str, str]:
    """An experiment with `LOSSES` stored, whose worker is the test: its id, the worker's name."""
    made = await services.manager.create(ExperimentIn(problem="booth"))
    [worker] = services.manager.crew.all()
    assert await link.next() is None  # accepted
    link.send(hello(worker.name))
    assert json.loads(await link.next())["type"] == "assign"
    buffer = ColumnBuffer()
    for run, losses in LOSSES.items():
        for step, loss in enumerate(losses, 1):
            buffer.add(run, step, {"loss": loss})
    link.send(sealed(encode(Frame(1, 1, buffer.take().blocks()))))
    assert json.loads(await link.next()) == {"type": "ack", "seq": 1}
    return made.id, worker.name


async def verdict(services: Services, id: str) -> str:
    return (await services.manager.experiment(id)).runs[2].replay


def replay(change: dict[tuple[str, int], float]) -> list[Replayed]:
    """`r3` makes steps of r1 again, then steps of r2; some losses are `change`d."""
    parts = []
    for run, first, last in (("r1", 2, 4), ("r2", 5, 6)):
        steps = range(first, last + 1)
        losses = [change.get((run, step), LOSSES[run][step - 1]) for step in steps]
        parts.append(Replayed(run, first, losses))
    return parts


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, "equal"),
        (
            {("r1", 4): 0.3, ("r2", 6): 7.0},
            "the replay differs from the record of r1 at step 4: loss 0.3, recorded 0.25",
        ),
        (
            {("r2", 6): 7.0},
            "the replay differs from the record of r2 at step 6: loss 7.0, recorded 0.25",
        ),
    ],
)
async def test_the_verdict_comes_with_the_last_message(
    services: Services, app: FastAPI, change: dict[tuple[str, int], float], expected: str
) -> None:
    outbox = Outbox()
    BackendSink(outbox, losses=2).replayed("r3", replay(change))
    *before, last = told(outbox)
    assert len(before) == 2
    async with wire(app, "/api/worker", TOKEN) as link:
        id, _ = await recorded(services, link)
        for text in before:
            link.send(text)
        link.send(last)
        # One answer for all of them, so that none is forgotten before all are compared.
        assert json.loads(await link.next()) == {"type": "stored", "control": "replayed:r3"}
        assert await verdict(services, id) == expected


async def test_a_link_that_is_cut_between_them_has_all_sent_again(
    services: Services, app: FastAPI
) -> None:
    outbox = Outbox()
    BackendSink(outbox, losses=2).replayed("r3", replay({("r1", 2): 9.0}))
    async with wire(app, "/api/worker", TOKEN) as link:
        id, name = await recorded(services, link)
        for text in told(outbox)[:2]:
            link.send(text)
    assert await verdict(services, id) == ""
    outbox.restart(1)
    again = told(outbox)
    assert len(again) == 3
    async with wire(app, "/api/worker", TOKEN) as link:
        assert await link.next() is None
        link.send(hello(name, id))
        assert json.loads(await link.next())["type"] == "ack"
        for text in again:
            link.send(text)
        answer = json.loads(await link.next())
    outbox.stored(answer["control"])
    assert outbox.drain(0)
    assert "record of r1 at step 2: loss 9.0" in await verdict(services, id)


@pytest.mark.parametrize("most", [1, 3, 5, 100])
def test_pieces_are_the_same_losses_in_the_same_order(most: int) -> None:
    parts = [Replayed("r1", 1, [0.0] * 4), Replayed("r2", 5, [0.0]), Replayed("r3", 6, [0.0] * 7)]
    pieces = in_pieces(parts, most)
    assert all(0 < sum(len(part.losses) for part in piece) <= most for piece in pieces)
    assert len(pieces) == -(-12 // most)

    def steps(replayed: list[Replayed]) -> list[tuple[str, int]]:
        return [(part.run, part.first + i) for part in replayed for i in range(len(part.losses))]

    assert steps([part for piece in pieces for part in piece]) == steps(parts)
    assert in_pieces([], most) == [[]]


def test_a_message_fits_a_websocket_message() -> None:
    outbox = Outbox()
    awkward = [-1.2345678901234567e-300] * (MOST_LOSSES + 1)
    BackendSink(outbox).replayed("r1", [Replayed("r1", 1, awkward)])
    sizes: list[Any] = [len(text) for text in told(outbox)]
    assert len(sizes) == 2
    assert max(sizes) < 16 * 2**20
