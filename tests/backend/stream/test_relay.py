"""Frames, pictures and the number of viewers go between servers by PostgreSQL's notifications."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from backend.protocol import Experiment
from backend.store import Store
from backend.stream.hub import Hub
from backend.stream.relay import Relay
from tests.backend.store.test_store import experiment, frame

#: More than one notification can carry, with what JSON writes as several bytes.
LARGE = {"progress": 1.0, "words": "näher " * 5_000}


class Seen(Hub):
    """A hub that remembers what it was told of."""

    def __init__(self) -> None:
        super().__init__()
        self.frames: list[int] = []
        self.pictures: list[tuple[str, str, dict[str, Any]]] = []

    def frame(self, experiment: str, seq: int, data: bytes) -> None:
        super().frame(experiment, seq, data)
        self.frames.append(seq)

    def view(self, experiment: str, name: str, content: dict[str, Any]) -> None:
        super().view(experiment, name, content)
        self.pictures.append((experiment, name, content))


class Source:
    """Experiments as they are stored."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def experiment(self, id: str) -> Experiment:
        found = await self._store.experiment(id)
        assert found is not None
        return found


@asynccontextmanager
async def two_hubs(url: str) -> AsyncIterator[tuple[Relay, Seen, Seen]]:
    """The relay that leads with its hub, and another server's hub."""
    store = Store(url)
    near, far = Seen(), Seen()
    relays = [Relay(url, store, near), Relay(url, store, far)]
    relays[0].lead()
    tasks = [asyncio.create_task(relay.run(Source(store))) for relay in relays]
    try:
        yield relays[0], near, far
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        store.close()


async def until(look: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not look():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_a_picture_of_any_size_comes_to_who_looks_in_another_server(
    postgres_url: str,
) -> None:
    async with two_hubs(postgres_url) as (leader, _, far):
        leader.view("e1", "plane", {"progress": 1.0, "before": "anybody looked"})
        leader.view("e2", "plane", LARGE)
        far.join("e1")
        # Whoever comes late gets the newest state.
        await until(lambda: len(far.pictures) == 1)
        for number in range(3):
            leader.view("e1", "contour", LARGE | {"number": number})
        await until(lambda: far.pictures[-1][2].get("number") == 2)
        assert far.pictures[0][2]["before"] == "anybody looked"
        assert far.pictures[-1] == ("e1", "contour", LARGE | {"number": 2})
        assert {experiment for experiment, _, _ in far.pictures} == {"e1"}


async def test_viewers_are_counted_over_all_servers(postgres_url: str) -> None:
    async with two_hubs(postgres_url) as (leader, near, far):
        near.join("e1")
        viewers = [far.join("e1"), far.join("e1")]
        await until(lambda: leader.viewers("e1") == 3)
        await until(lambda: far.viewers("e1") == 3)
        assert (near.count, far.count) == (1, 2)
        for viewer in viewers:
            far.leave("e1", viewer)
        await until(lambda: leader.viewers("e1") == 1)


async def test_rows_that_went_on_to_chunks_at_once_are_handed_on(postgres_url: str) -> None:
    store = Store(postgres_url)
    await store.create(experiment("e1"), {})
    far = Seen()
    relay = Relay(postgres_url, store, far)
    far.join("e1")
    for seq in range(1, 4):
        await store.append_frame("e1", frame(seq, 3 * seq - 2))
    await store.compact("e1", whole=True)
    assert await store.frames_after("e1", 0, 10) == []
    listening = asyncio.create_task(relay.run(Source(store)))
    await until(lambda: far.frames == [3])
    await store.append_frame("e1", frame(4, 10))
    await until(lambda: far.frames == [3, 4])
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
    store.close()
