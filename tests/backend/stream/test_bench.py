"""The viewers of `lrd bench stream`: they read what a real server sends, and miss nothing that is
missing."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import numpy as np

from backend.bench.source import EARLY, RUNS, Paced
from backend.bench.source import ROWS as PACED_ROWS
from backend.bench.viewers import Crowd, Seen, missing
from backend.services import Services
from backend.stream.wire import WireProtocol
from lrd_core.engine.frames import Block, Frame, packed
from tests.backend.store.test_store import experiment
from tests.backend.stream.alone import ROWS, publish, serving


async def test_a_crowd_reads_history_and_live_frames(services: Services) -> None:
    async with serving(services, WireProtocol) as address:
        for seq in (1, 2, 3):
            await publish(services, seq)
        crowd = Crowd(urlsplit(address).port or 0)
        await crowd.connect("e1", 5)
        assert await crowd.reach(3, 30)
        crowd.measure()
        await publish(services, 4)
        assert await crowd.reach(4, 30)
        rows = 4 * ROWS
        assert crowd.missing({"r1": {"loss": np.zeros(rows)}}) == 0
        assert crowd.missing({"r1": {"loss": np.ones(rows)}}) == 5 * rows
        assert crowd.missing({"r1": {"loss": np.zeros(rows + 1)}}) == 5
        crowd.close()


async def test_a_source_speaks_as_workers_do(services: Services) -> None:
    async with serving(services, WireProtocol) as address:
        template = experiment("e2").runs[0]
        runs = [template.model_copy(update={"id": id}) for id in RUNS]
        await services.store.create(experiment("e2", runs=runs), {})
        worker = f"ws://{urlsplit(address).netloc}/api/worker"
        source = Paced(worker, "token", "e2", 100.0)
        crowd = Crowd(urlsplit(address).port or 0)
        await asyncio.to_thread(source.start)
        await crowd.connect("e2", 2)
        assert await crowd.reach(EARLY + 5, 30)
        told = await asyncio.to_thread(source.end)
        assert await services.store.newest("e2") == told["seq"] >= EARLY + 5
        assert len(told["waited"]) == told["seq"] * PACED_ROWS
        crowd.close()


def seen(seq: int, first: int, *losses: float) -> Seen:
    columns = packed({"loss": losses})
    return Seen(Frame(1, seq, [Block("r1", first, 1, len(losses), columns)]), 0.0)


def test_what_a_viewer_lacks_has_wrong_or_twice_is_counted() -> None:
    expected = {"r1": {"loss": np.array([4.0, 3.0, np.nan, 1.0])}}
    first, second, third = seen(1, 1, 4.0, 3.0), seen(2, 3, np.nan), seen(3, 4, 1.0)
    assert missing([[first, second, third], [first, second, third]], expected) == 0
    assert missing([[first, second]], expected) == 1
    assert missing([[first, seen(2, 3, 2.0), third]], expected) == 1
    assert missing([[first, third]], expected) == 2
    assert missing([[first, first, second, third]], expected) > 0
    assert missing([[]], expected) == 4
