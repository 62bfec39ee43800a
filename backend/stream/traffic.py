"""What goes through the stream, in plain numbers that cost next to nothing to keep.

Everything is counted on the event loop. `backend.api.metrics` shows it.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

#: Upper bounds of a histogram's buckets, seconds.
BOUNDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
#: Durations that the live figures are made of.
RECENT = 300
#: A rate is that of about so many seconds.
WINDOW_S = 5.0


class Durations:
    """How long something took: a histogram since the start, and the newest values."""

    def __init__(self) -> None:
        #: How many fell into each bucket; the last has no upper bound.
        self.counts = [0] * (len(BOUNDS) + 1)
        self.total = 0.0
        self._recent: deque[float] = deque(maxlen=RECENT)

    def add(self, seconds: float) -> None:
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.total += seconds
        self._recent.append(seconds)

    def recent(self, share: float) -> float | None:
        """The duration that `share` of the newest did not exceed; None before the first."""
        ordered = sorted(self._recent)
        return ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else None


@dataclass
class Sums:
    """Counted since the start.

    Attributes:
        frames, frame_bytes: taken in from jobs.
        messages, message_bytes: sent to viewers, frames and news.
        falls: how often viewers that are gone were so slow that what waited for them was dropped.
    """

    frames: int = 0
    frame_bytes: int = 0
    messages: int = 0
    message_bytes: int = 0
    falls: int = 0


@dataclass(frozen=True)
class Rates:
    """Per second."""

    frames: float
    frame_bytes: float
    messages: float
    message_bytes: float


@dataclass
class Traffic:
    """The sums, the rates of late, how long a frame takes to be `stored` and news to `fan_out`."""

    clock: Callable[[], float] = time.monotonic
    sums: Sums = field(default_factory=Sums)
    stored: Durations = field(default_factory=Durations)
    fan_out: Durations = field(default_factory=Durations)

    def __post_init__(self) -> None:
        self._marks: deque[tuple[float, Sums]] = deque()
        self._mark()

    def frame(self, size: int) -> None:
        """A frame was taken in."""
        if self.clock() - self._marks[-1][0] >= 1.0:
            self._mark()
        self.sums.frames += 1
        self.sums.frame_bytes += size

    def sent(self, size: int, count: int = 1) -> None:
        """A message of `size` bytes went to `count` viewers."""
        self.sums.messages += count
        self.sums.message_bytes += size * count

    def _mark(self) -> None:
        now = self.clock()
        self._marks.append((now, Sums(**vars(self.sums))))
        while len(self._marks) > 1 and self._marks[1][0] <= now - WINDOW_S:
            self._marks.popleft()

    def rates(self) -> Rates:
        """Of the last seconds; zero when nothing came for so long."""
        now = self.clock()
        if now - self._marks[-1][0] >= 1.0:
            self._mark()
        began, before = self._marks[0]
        seconds = max(now - began, 1.0)
        return Rates(
            *(
                (getattr(self.sums, name) - getattr(before, name)) / seconds
                for name in ("frames", "frame_bytes", "messages", "message_bytes")
            )
        )
