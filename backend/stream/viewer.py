"""One viewer's queue: bounded, so that nobody who looks can hold up the job or the others."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import cached_property

from backend.stream import wire
from backend.stream.wire import Wire

MAX_BYTES = 4_000_000
MAX_ITEMS = 128


@dataclass(frozen=True)
class News:
    """One message for viewers: a frame (`seq` > 0), or text.

    Of news with the same `key` only the newest waits for a viewer that is slow. Frames and controls
    have one of their own each, what has a state (the experiment, a picture) the same for all.
    """

    data: bytes | str
    seq: int = 0
    key: str = ""

    @cached_property
    def message(self) -> bytes:
        """Its bytes on a websocket, the same for all viewers."""
        return wire.message(self.data)


class Viewer:
    """Stands between the hub and one viewer's connection.

    A viewer that keeps up has no queue: the hub writes to its connection. What that does not take
    waits here for the connection's own task; when too much waits, or nothing was sent yet, the
    viewer is `behind` and must be caught up from the store. `cursor` is the newest frame that was
    sent, `newest` the newest that the hub told of.
    """

    def __init__(self, limit: int = MAX_BYTES, wire: Wire | None = None) -> None:
        """`wire` is None where the server has none: then everything goes through the queue."""
        self.behind = True
        self.cursor = 0
        self.newest = 0
        #: Keys of the controls that came with the hello.
        self.known: set[str] = set()
        #: What waited was dropped: it must be told anew how things stand.
        self.lost = False
        #: How often that happened.
        self.falls = 0
        self._limit = limit
        self._wire = wire
        self._queue: dict[str | int, News] = {}
        self._bytes = 0
        #: The newest frame that was sent or waits.
        self._last = 0
        self._arrived = asyncio.Event()

    @property
    def items(self) -> int:
        """Messages that wait."""
        return len(self._queue)

    @property
    def bytes(self) -> int:
        """Bytes that wait, here and in the connection."""
        return self._bytes + (self._wire.waiting if self._wire else 0)

    @property
    def lag(self) -> int:
        """Frames that it has not been sent yet."""
        return max(0, self.newest - self.cursor)

    def put(self, news: News) -> bool:
        """Send `news` if nothing waits before it, else queue it; whether it was sent.

        A viewer that is too slow loses all that waits, and is behind.
        """
        if news.seq:
            self.newest = max(self.newest, news.seq)
            if self.behind or news.seq <= self._last:
                return False  # it comes from the store, or has come
            if news.seq > self._last + 1:
                self.fall()
                return False
        elif news.key in self.known:
            return False
        if not self._queue and not self.behind and self._wire and self._wire.write(news.message):
            self._last = self.cursor = news.seq or self.cursor
            return True
        self._queue_up(news)
        return False

    def _queue_up(self, news: News) -> None:
        key = news.key or news.seq
        before = self._queue.pop(key, None)
        self._bytes += len(news.data) - (len(before.data) if before else 0)
        self._queue[key] = news
        if len(self._queue) > MAX_ITEMS or self._bytes > self._limit:
            self.fall()
            return
        self._last = news.seq or self._last
        self._arrived.set()

    def fall(self) -> None:
        """Drop what waits: the viewer is to be caught up."""
        self._queue.clear()
        self._bytes = 0
        self.behind = self.lost = True
        self.falls += 1
        self._arrived.set()

    def restart(self) -> None:
        """It is told anew how things stand: what waits is part of that."""
        self._queue.clear()
        self._bytes = 0
        self.lost = False

    def caught_up(self) -> bool:
        """All frames up to `cursor` were sent; whether the viewer is no longer behind."""
        if self.newest > self.cursor:
            return False
        self._last = self.cursor
        self.behind = False
        return True

    def first(self) -> News | None:
        """The oldest news that wait; they go on waiting until they are `sent`."""
        return next(iter(self._queue.values()), None)

    def sent(self, news: News) -> None:
        """`news`, which were the first, are on their way."""
        self.cursor = news.seq or self.cursor
        key = news.key or news.seq
        if self._queue.get(key) is news:
            del self._queue[key]
            self._bytes -= len(news.data)

    async def next(self) -> News | None:
        """The oldest news, once there are any; None if the viewer has fallen behind."""
        while not self._queue and not self.behind:
            self._arrived.clear()
            await self._arrived.wait()
        return None if self.behind else self.first()
