"""Reads that many ask for at once are made once: a crowd that comes back asks for the same."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, TypeVar

Result = TypeVar("Result")


class SharedReads:
    """Whoever asks gets the result of a read that began after that, so that it is not too old.

    While one read of a thing runs, all who ask for it wait for the next one together.
    """

    def __init__(self) -> None:
        self._next: dict[Hashable, asyncio.Task[Any]] = {}
        self._running: dict[Hashable, asyncio.Task[Any]] = {}

    async def read(self, key: Hashable, make: Callable[[], Awaitable[Result]]) -> Result:
        """The result of `make`, or of another's for the same `key`; what it raises is raised."""
        task = self._next.get(key)
        if task is None:
            task = self._next[key] = asyncio.create_task(self._read(key, make))
        # One who gives up must not end it for the others.
        result: Result = await asyncio.shield(task)
        return result

    async def _read(self, key: Hashable, make: Callable[[], Awaitable[Result]]) -> Result:
        before = self._running.get(key)
        if before is not None:
            await asyncio.wait([before])
        self._running[key] = self._next.pop(key)
        try:
            return await make()
        finally:
            # The next one, if there is one, runs only after this one has ended.
            del self._running[key]
