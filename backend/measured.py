"""The store as the server opens it: it tells how long its commits take."""

from __future__ import annotations

import time

from backend.store import Store
from backend.store.frames import Packed
from backend.stream.traffic import Durations


class MeasuredStore(Store):
    """Adds the time from a frame's arrival to its commit to `stored`."""

    def __init__(self, url: str, stored: Durations) -> None:
        """As `Store`, with the same errors."""
        super().__init__(url)
        self._stored = stored

    async def append_frame(self, experiment: str, packed: Packed) -> bool:
        began = time.monotonic()
        fresh = await super().append_frame(experiment, packed)
        self._stored.add(time.monotonic() - began)
        return fresh
