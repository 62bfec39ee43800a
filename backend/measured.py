"""The store as the server opens it: it tells how long its commits take."""

from __future__ import annotations

import time
from typing import Any

from backend.store import Store
from backend.store.frames import Packed
from backend.stream.traffic import Durations


class MeasuredStore(Store):
    """Adds the time from a frame's arrival to its commit to `stored`."""

    def __init__(self, url: str, stored: Durations, **given: Any) -> None:
        """`given`: the rest of what `Store` takes, with the same errors."""
        super().__init__(url, **given)
        self._stored = stored

    async def append_frame(self, experiment: str, packed: Packed) -> bool:
        began = time.monotonic()
        fresh = await super().append_frame(experiment, packed)
        self._stored.add(time.monotonic() - began)
        return fresh
