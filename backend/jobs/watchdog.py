"""Looks at what a job uses: tells it once a second, and ends the job at a limit."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from backend.jobs.usage import OwnUsage
from backend.protocol import Limits, Usage

TELL_S = 1.0
LOOK_S = 0.2


class Watchdog:
    """Watches this process on a thread of its own.

    Args:
        limits: what the job may use at most.
        device: where it trains.
        tell: called once a second with what is used.
        end: called once, with the reason, when a limit is reached; ``{step}`` in it stands for the
            last step.
    """

    def __init__(
        self,
        limits: Limits,
        device: str,
        tell: Callable[[Usage], None],
        end: Callable[[str], None],
    ) -> None:
        self._limits = limits
        self._device = device
        self._tell = tell
        self._end = end
        self._began: float | None = None
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stepped(self) -> None:
        """Steps were made: from the first ones on, time counts."""
        if self._began is None:
            self._began = time.monotonic()

    def stop(self) -> None:
        """No more calls after this one."""
        self._done.set()
        if self._thread.is_alive():
            self._thread.join(2.0)

    def _run(self) -> None:
        usage = OwnUsage(self._device)
        limited = self._limits.seconds is not None or self._limits.memory_mb is not None
        pause = LOOK_S if limited else TELL_S
        told = 0.0
        while not self._done.wait(pause):
            if time.monotonic() - told >= TELL_S:
                told = time.monotonic()
                self._tell(usage.measure())
            if limited and (reason := self._reached(usage)):
                self._end(reason)
                limited = False

    def _reached(self, usage: OwnUsage) -> str:
        """The limit that is reached, in words; empty if none is."""
        seconds, memory = self._limits.seconds, self._limits.memory_mb
        mend = "resume it with a larger limit, or with none"
        spent = 0.0 if self._began is None else time.monotonic() - self._began
        if seconds is not None and spent >= seconds:
            name = f"limits.seconds={seconds:g}"
            return f"stopped at step {{step}}: its limit of wall time, {name}, is used up; {mend}"
        if memory is not None and usage.memory_mb > memory:
            name = f"limits.memory_mb={memory:g}"
            used = f"its process holds {usage.memory_mb:.0f} MB"
            return f"stopped at step {{step}}: {used}, more than {name}; {mend}"
        return ""
