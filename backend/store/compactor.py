"""Turns frames into chunks in the background, one experiment after the other."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from sqlalchemy.exc import SQLAlchemyError

log = logging.getLogger(__name__)

#: Frames, or bytes of frames, that an experiment's tail has when it goes on to chunks.
TAIL_FRAMES = 512
TAIL_BYTES = 4_000_000


class Compactor:
    """Knows how long the tails are; all calls come from the event loop and never wait.

    Args:
        compact: takes an experiment's tail in; the flag says that it has ended.
    """

    def __init__(self, compact: Callable[[str, bool], Awaitable[None]]) -> None:
        self._compact = compact
        self._tails: dict[str, tuple[int, int]] = {}
        self._ended: set[str] = set()
        #: In the order of asking.
        self._due: dict[str, None] = {}
        self._woken = asyncio.Event()
        self._stuck: set[str] = set()

    def grew(self, experiment: str, frames: int, size: int) -> None:
        """Frames were stored, of `size` bytes."""
        before = self._tails.get(experiment, (0, 0))
        count, total = self._tails[experiment] = before[0] + frames, before[1] + size
        if count >= TAIL_FRAMES or total >= TAIL_BYTES or experiment in self._ended:
            self._ask(experiment)

    def saved(self, experiment: str, ended: bool) -> None:
        """An experiment was stored as it stands."""
        if not ended:
            self._ended.discard(experiment)
        elif experiment not in self._ended:
            self._ended.add(experiment)
            self._ask(experiment)

    def _ask(self, experiment: str) -> None:
        if experiment not in self._stuck:
            self._due[experiment] = None
            self._woken.set()

    async def run(self) -> None:
        """Compact whatever is due, for ever, in half of the time at most."""
        while True:
            await self._woken.wait()
            self._woken.clear()
            while self._due:
                experiment = next(iter(self._due))
                del self._due[experiment]
                self._tails.pop(experiment, None)
                began = time.monotonic()
                try:
                    await self._compact(experiment, experiment in self._ended)
                except SQLAlchemyError as error:
                    # The disk may be full, or the database away: again when more has come.
                    cause = str(getattr(error, "orig", None) or error).splitlines()[0]
                    log.warning("experiment %s is not compacted now: %s", experiment, cause)
                except Exception:
                    # Nothing is lost: its frames stay as they are, and are read as ever.
                    log.exception("the frames of experiment %s stay uncompressed", experiment)
                    self._stuck.add(experiment)
                await asyncio.sleep(min(time.monotonic() - began, 1.0))
