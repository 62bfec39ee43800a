"""One thread that writes: whatever waits is committed together, and nobody waits for nothing."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine

Result = TypeVar("Result")
#: Raises to refuse a transaction that begins.
Guard = Callable[[Connection], None]
MAX_BATCH = 256


class _Write:
    def __init__(self, change: Callable[[Connection], Any]) -> None:
        self.change = change
        self.future: Future[Any] = Future()


class Writer:
    """Runs changes in order, each in a transaction it shares with its neighbours (group commit)."""

    def __init__(self, engine: Engine, guard: Guard | None = None) -> None:
        """`guard` is called at the beginning of every transaction, and raises to refuse it."""
        self._engine = engine
        self._guard = guard
        self._queue: queue.SimpleQueue[_Write | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    async def write(self, change: Callable[[Connection], Result]) -> Result:
        """Run `change`; returns its result once it is committed.

        `change` may run twice (alone, after a neighbour has failed), so it must have no effect
        outside its connection. What it raises is raised here, and nothing of it is stored.
        """
        write = _Write(change)
        self._queue.put(write)
        result: Result = await asyncio.wrap_future(write.future)
        return result

    def close(self) -> None:
        """Commit what waits, then end the thread."""
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        while True:
            batch, last = self._batch()
            self._commit([w for w in batch if w.future.set_running_or_notify_cancel()])
            if last:
                return

    def _batch(self) -> tuple[list[_Write], bool]:
        """At least one write, and all that wait behind it; whether the end was asked for."""
        batch: list[_Write] = []
        write = self._queue.get()
        while write is not None:
            batch.append(write)
            if len(batch) == MAX_BATCH:
                return batch, False
            try:
                write = self._queue.get_nowait()
            except queue.Empty:
                return batch, False
        return batch, True

    def _commit(self, batch: list[_Write]) -> None:
        if not batch:
            return
        try:
            with self._engine.begin() as connection:
                if self._guard is not None:
                    self._guard(connection)
                results = [write.change(connection) for write in batch]
        except Exception as error:
            if len(batch) == 1:
                batch[0].future.set_exception(error)
                return
            for write in batch:
                self._commit([write])
            return
        for write, result in zip(batch, results, strict=True):
            write.future.set_result(result)
