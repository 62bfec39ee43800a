"""PostgreSQL's LISTEN and NOTIFY: short texts between the servers of one store, in order."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import psycopg
from psycopg import sql

from backend.store.database import connect_arguments

log = logging.getLogger(__name__)

#: PostgreSQL takes less than 8,000 bytes at once.
MAX_BYTES = 7_000
RETRY_S = 0.5
#: Messages that wait to be sent, at most: a database that is away must not fill the memory.
MAX_WAITING = 1_000

Heard = Callable[[str, str], Awaitable[None]]
Again = Callable[[], Awaitable[None]]


class Notifications:
    """Sends and hears on connections of its own; both come back by themselves after a cut.

    What is sent while the database is away waits, the newest of each `key`; what others send then
    is lost, which `again` of `listen` tells.
    """

    def __init__(self, url: str) -> None:
        self._arguments = connect_arguments(url)
        self._waiting: dict[str, tuple[str, Sequence[str]]] = {}
        self._wake = asyncio.Event()

    def send(self, channel: str, key: str, *texts: str) -> None:
        """Send `texts`, at most `MAX_BYTES` each, one after the other, in place of what waits under
        the same key; never waits."""
        self._waiting.pop(key, None)
        self._waiting[key] = (channel, texts)
        while len(self._waiting) > MAX_WAITING:
            self._waiting.pop(next(iter(self._waiting)))
        self._wake.set()

    async def speak(self) -> None:
        """Send what waits, until cancelled."""
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(**self._arguments) as connection:
                    while True:
                        await self._wake.wait()
                        self._wake.clear()
                        await self._send_waiting(connection)
            except psycopg.Error as error:
                log.warning("notifications wait for the database: %s", error)
            self._wake.set()
            await asyncio.sleep(RETRY_S)

    async def _send_waiting(self, connection: psycopg.AsyncConnection[Any]) -> None:
        while self._waiting:
            key, (channel, texts) = next(iter(self._waiting.items()))
            async with connection.transaction():
                for text in texts:
                    await connection.execute("SELECT pg_notify(%s, %s)", (channel, text))
            if self._waiting.get(key) == (channel, texts):
                del self._waiting[key]

    async def listen(self, channels: Sequence[str], heard: Heard, again: Again) -> None:
        """Hand on what is told on `channels`, in order, until cancelled; `again` is called whenever
        it begins to listen, since anything may have been missed before."""
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(
                    **self._arguments, autocommit=True
                ) as connection:
                    for channel in channels:
                        await connection.execute(
                            sql.SQL("LISTEN {}").format(sql.Identifier(channel))
                        )
                    await _followed(again(), "what was missed")
                    async for told in connection.notifies():
                        await _followed(heard(told.channel, told.payload), told.payload)
            except psycopg.Error as error:
                log.warning("listens to the other servers again soon: %s", error)
            await asyncio.sleep(RETRY_S)


async def _followed(work: Awaitable[None], told: str) -> None:
    """One message that cannot be followed must not end all listening."""
    try:
        await work
    except Exception:
        log.exception("could not be followed: %.100s", told)
