"""The cells of a sweep as they stand, looked at when somebody asks, each new row read once."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from backend.errors import ApiError
from backend.jobs.manager import Manager
from backend.protocol import Experiment, SweepCell, SweepIn
from backend.protocol import Run as RunInfo
from backend.protocol.sweeps import CellState
from backend.store import Store
from backend.store.records import QUEUED
from backend.store.sweeps import StoredSweep
from backend.sweeps.measure import WINDOW, Run, columns, merged, of_block, of_lines
from backend.sweeps.plan import value_of
from lrd_core.engine.frames import decode
from lrd_core.problems import PROBLEMS
from lrd_core.problems.surfaces.surface import Surface
from lrd_core.settings import SettingError, Value

#: Whoever asks more often gets what was seen last.
LOOK_S = 0.2
#: Boards that are kept for those who come again.
MOST_BOARDS = 32
#: Frames that are read one by one; where there are more, the columns that are needed are read.
MOST_FRAMES = 200
#: Which of the states of a cell's seeds is the cell's.
ORDER: tuple[CellState, ...] = (
    "gone",
    "diverged",
    "running",
    "paused",
    "stopped",
    "waiting",
    "finished",
)


def surface_of(problem: str, settings: Mapping[str, Value]) -> Surface | None:
    """The surface of this name as settings make it; None for a task, or where the problem or one of
    the settings is not known any more."""
    found = PROBLEMS.get(problem)
    if not isinstance(found, Surface):
        return None
    try:
        return found.settled(settings)
    except SettingError:
        return None


@dataclass
class _Watched:
    """One experiment as it was last seen."""

    experiment: Experiment | None = None
    stamp: object = None
    #: The newest frame that was taken in.
    seq: int = 0
    runs: dict[str, Run] = field(default_factory=dict)


class Board:
    """Keeps the cells of one sweep, and at which look each was new."""

    def __init__(self, sweep: StoredSweep, store: Store, manager: Manager) -> None:
        self._id = secrets.token_hex(4)
        self._store, self._manager = store, manager
        self._given = SweepIn.model_validate(sweep.spec)
        self._grid = sweep.grid
        self._surface = surface_of(self._given.problem, self._given.settings)
        self._watched = {id: _Watched() for row in sweep.grid for id in row}
        self._cells: dict[tuple[int, int], SweepCell] = {}
        self._changed: dict[tuple[int, int], int] = {}
        self._looks = 0
        self._looked = float("-inf")
        self._lock = asyncio.Lock()

    async def look(self, at_once: bool) -> None:
        """Bring all cells up to date; `at_once` even if they were looked at just now.

        Raises:
            StoreError: a chunk is damaged.
        """
        async with self._lock:
            if not at_once and time.monotonic() - self._looked < LOOK_S:
                return
            self._looks += 1
            for j, ids in enumerate(self._grid):
                if any([await self._read(id) for id in ids]):
                    self._update(j)
            self._looked = time.monotonic()

    def all(self) -> list[SweepCell]:
        """Every cell, row by row."""
        return [self._cells[key] for key in sorted(self._cells)]

    def since(self, cursor: str) -> tuple[str, list[SweepCell]]:
        """The cells that are new after a cursor, and the next cursor."""
        board, _, number = cursor.partition(":")
        known = int(number) if board == self._id and number.isdecimal() else 0
        new = [cell for key, cell in sorted(self._cells.items()) if self._changed[key] > known]
        return f"{self._id}:{self._looks}", new

    async def _read(self, id: str) -> bool:
        """Look at an experiment; whether anything about it is new."""
        watched = self._watched[id]
        try:
            experiment = await self._manager.experiment(id)
        except ApiError:
            fresh = watched.stamp != "gone"
            watched.experiment, watched.stamp = None, "gone"
            return fresh
        runs = [
            (run.id, run.state, run.step, run.drop_rate, run.settings) for run in experiment.runs
        ]
        stamp = (experiment.state, experiment.step, runs)
        if stamp == watched.stamp:
            return False
        await self._take(experiment, watched)
        watched.experiment, watched.stamp = experiment, stamp
        return True

    async def _take(self, experiment: Experiment, watched: _Watched) -> None:
        """Take in the rows that are new."""
        wanted = columns(self._surface, experiment.seeds)
        frames = await self._store.frames_after(experiment.id, watched.seq, MOST_FRAMES)
        if frames and frames[0][0] == watched.seq + 1:
            for seq, data in frames:
                for block in decode(data).blocks:
                    self._run(watched, block.run, experiment).take(of_block(block, wanted))
                watched.seq = seq
            if len(frames) < MOST_FRAMES:
                return
        # Frames go on to chunks; what was not read by then is read from there.
        watched.seq, found = await self._store.lines(
            experiment.id, wanted, self._first(experiment, watched)
        )
        for name, lines in found.items():
            self._run(watched, name, experiment).take(of_lines(lines))

    def _run(self, watched: _Watched, name: str, experiment: Experiment) -> Run:
        if name not in watched.runs:
            watched.runs[name] = Run(self._surface, experiment.seeds)
        return watched.runs[name]

    def _first(self, experiment: Experiment, watched: _Watched) -> int:
        """From which step on rows are needed."""
        if self._surface is not None:
            return 1
        # Held-out rows may come a little later than their steps.
        span = max(WINDOW, 3 * experiment.test_every)
        return max(1, min(run.step for run in experiment.runs) - span + 1)

    @property
    def _names(self) -> list[str]:
        """The runs of a row, by place on x."""
        return [f"r{i + 1}" for i in range(len(self._given.x.values))]

    def _update(self, j: int) -> None:
        for i, name in enumerate(self._names):
            parts = [self._watched[id] for id in self._grid[j]]
            cell = self._cell(i, j, name, parts)
            if cell != self._cells.get((j, i)):
                self._cells[j, i] = cell
                self._changed[j, i] = self._looks

    def _cell(self, i: int, j: int, name: str, parts: Sequence[_Watched]) -> SweepCell:
        found = [(part, _run_of(part.experiment, name)) for part in parts]
        runs = [run for _, run in found if run is not None]
        states = [_state(part.experiment, run) for part, run in found]
        diverged = [run.diverged_step for run in runs if run.diverged_step is not None]
        axes = (
            (self._given.x.setting, self._given.x.values[i]),
            (self._given.y.setting, self._given.y.values[j]),
        )
        return SweepCell(
            x=i,
            y=j,
            state=min(states, key=ORDER.index),
            step=min((run.step for run in runs), default=0),
            diverged_step=min(diverged, default=None),
            changed=any(value_of(run, name) != value for run in runs for name, value in axes),
            message=next(filter(None, map(_why, found)), ""),
            values=merged([part.runs[name].values if name in part.runs else {} for part in parts]),
        )


def _run_of(experiment: Experiment | None, name: str) -> RunInfo | None:
    runs = experiment.runs if experiment else []
    return next((run for run in runs if run.id == name), None)


def _why(found: tuple[_Watched, RunInfo | None]) -> str:
    part, run = found
    ended = _state(part.experiment, run) == "stopped"
    return part.experiment.message if part.experiment is not None and ended else ""


def _state(experiment: Experiment | None, run: RunInfo | None) -> CellState:
    if experiment is None or run is None or run.state == "removed":
        return "gone"
    if run.state in ("finished", "diverged"):
        return run.state
    if experiment.state in (QUEUED, "starting"):
        return "waiting"
    return experiment.state if experiment.state in ("running", "paused") else "stopped"


class Boards:
    """The boards of the sweeps that are looked at; made anew for whoever comes much later."""

    def __init__(self) -> None:
        self._boards: OrderedDict[str, Board] = OrderedDict()

    def of(self, sweep: StoredSweep, store: Store, manager: Manager) -> Board:
        """The board of a sweep."""
        board = self._boards.pop(sweep.id, None) or Board(sweep, store, manager)
        self._boards[sweep.id] = board
        while len(self._boards) > MOST_BOARDS:
            self._boards.popitem(last=False)
        return board
