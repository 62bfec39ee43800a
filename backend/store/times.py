"""When steps were stored: often enough for curves along wall time, seldom enough to cost little."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import time

from sqlalchemy import Connection, insert, select

from backend.store.tables import times

#: Seconds between two notes of an experiment: at least this, and this share of its time so far.
EVERY = 0.25
SHARE = 0.002
_NEVER = -float("inf")


class Notes:
    """Which frames are noted: a day of training makes about four thousand notes of each run."""

    def __init__(self, now: Callable[[], float] = time) -> None:
        self._now = now
        self._since: dict[str, tuple[float, float]] = {}
        self._waiting: dict[str, tuple[dict[str, int], float]] = {}

    def due(self, experiment: str) -> float | None:
        """The time (Unix seconds) to note with the frame that comes now; None if none is."""
        now = self._now()
        begin, last = self._since.get(experiment, (now, _NEVER))
        # A clock that was put back is noted at once: what comes after it counts from there.
        if 0 <= now - last < max(EVERY, SHARE * (now - begin)):
            return None
        self._since[experiment] = (min(begin, now), now)
        return now

    def came(self, experiment: str, reached: Mapping[str, int]) -> None:
        """A frame was stored: until the next note its steps are the newest."""
        known, _ = self._waiting.get(experiment, ({}, 0.0))
        self._waiting[experiment] = ({**known, **reached}, self._now())

    def newest(self, experiment: str) -> tuple[dict[str, int], float] | None:
        """How far runs were when the last frame came, and when that was."""
        return self._waiting.get(experiment)

    def end(self, experiment: str) -> tuple[dict[str, int], float] | None:
        """`newest`, to be noted: nothing is kept of it from now on."""
        self._since.pop(experiment, None)
        return self._waiting.pop(experiment, None)


def note(connection: Connection, experiment: str, reached: Mapping[str, int], at: float) -> None:
    """Store when runs had reached which steps; steps that are noted already stay as they are."""
    row = times.c
    of = row.experiment_id == experiment
    for run, step in reached.items():
        known = select(row.step).where(of, row.run == run, row.step >= step).limit(1)
        if connection.execute(known).first() is None:
            values = {"experiment_id": experiment, "run": run, "step": step, "at": at}
            connection.execute(insert(times).values(values))


def read(connection: Connection, experiment: str, run: str) -> tuple[list[int], list[float]]:
    """Steps of a run and when (Unix seconds) they were stored, in the order of the steps."""
    row = times.c
    query = select(row.step, row.at).where(row.experiment_id == experiment, row.run == run)
    found = connection.execute(query.order_by(row.step)).all()
    return [step for step, _ in found], [at for _, at in found]
