"""Reads are shared, and never older than the question."""

from __future__ import annotations

import asyncio

import pytest

from backend.stream.shared import SharedReads


class Source:
    """Counts reads; each waits until it is let go and gives its number."""

    def __init__(self) -> None:
        self.begun = 0
        self.gate = asyncio.Semaphore(0)

    async def read(self) -> int:
        self.begun += 1
        number = self.begun
        await self.gate.acquire()
        return number


async def turns(count: int = 10) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_who_asks_together_shares_who_asks_later_gets_a_later_read() -> None:
    reads, source = SharedReads(), Source()
    first = [asyncio.create_task(reads.read("a", source.read)) for _ in range(5)]
    await turns()
    later = [asyncio.create_task(reads.read("a", source.read)) for _ in range(5)]
    other = asyncio.create_task(reads.read("b", source.read))
    await turns()
    assert source.begun == 2  # one of each; the second of "a" waits for the first
    for _ in range(3):
        source.gate.release()
    assert await asyncio.gather(*first) == [1] * 5
    assert await other == 2
    assert await asyncio.gather(*later) == [3] * 5
    source.gate.release()
    assert await reads.read("a", source.read) == 4


async def test_one_who_gives_up_ends_it_for_nobody_else() -> None:
    reads, source = SharedReads(), Source()
    one, two = (asyncio.create_task(reads.read("a", source.read)) for _ in range(2))
    await turns()
    one.cancel()
    await turns()
    source.gate.release()
    assert await two == 1


async def test_a_failure_is_that_of_all_who_asked_and_of_nobody_later() -> None:
    reads = SharedReads()

    async def fails() -> int:
        raise OSError("no store")

    async def works() -> int:
        return 1

    asked = [asyncio.create_task(reads.read("a", fails)) for _ in range(2)]
    found = await asyncio.gather(*asked, return_exceptions=True)
    assert [str(error) for error in found] == ["no store"] * 2
    assert await reads.read("a", works) == 1
    with pytest.raises(OSError, match="no store"):
        await reads.read("a", fails)
