"""Background tasks that are neither lost nor silent."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable

log = logging.getLogger(__name__)


class Tasks:
    """Keeps tasks alive until they are done, and logs what they raise."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()

    def start(self, work: Awaitable[None]) -> None:
        task = asyncio.get_running_loop().create_task(_awaited(work))
        self._running.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("a background task failed", exc_info=task.exception())

    async def finish(self, seconds: float) -> None:
        """Wait for all, at most so long; then cancel what is left."""
        if self._running:
            await asyncio.wait(self._running, timeout=seconds)
        await self.close()

    async def close(self) -> None:
        """Cancel all and wait for them."""
        tasks = list(self._running)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _awaited(work: Awaitable[None]) -> None:
    await work
