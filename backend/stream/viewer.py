"""One viewer's queue: bounded, so that nobody who looks can hold up the job or the others."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass

MAX_BYTES = 4_000_000
MAX_ITEMS = 512


@dataclass(frozen=True)
class News:
    """One message for a viewer: a frame (`seq` > 0), or text. `key` names a control."""

    data: bytes | str
    seq: int = 0
    key: str = ""


class Viewer:
    """Queue between the hub and one viewer's connection.

    `behind` says that news were dropped (or that nothing was read yet): the viewer must be caught
    up from the store.
    """

    def __init__(self, limit: int = MAX_BYTES) -> None:
        self.behind = True
        self._limit = limit
        self._queue: deque[News] = deque()
        self._bytes = 0
        self._arrived = asyncio.Event()

    def put(self, news: News) -> None:
        """Queue `news`, or drop everything if the viewer is too slow."""
        if len(self._queue) >= MAX_ITEMS or self._bytes + len(news.data) > self._limit:
            self._queue.clear()
            self._bytes = 0
            self.behind = True
        else:
            self._queue.append(news)
            self._bytes += len(news.data)
        self._arrived.set()

    async def next(self) -> News | None:
        """The oldest news; None if the viewer has fallen behind."""
        while not self._queue and not self.behind:
            self._arrived.clear()
            await self._arrived.wait()
        if self.behind:
            return None
        news = self._queue.popleft()
        self._bytes -= len(news.data)
        return news
