"""The store as the server uses it: every call is awaited, none blocks the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Connection, text

from backend.protocol import ControlOut, Experiment, ExperimentSummary
from backend.store import (
    checkpoint_index,
    compaction,
    frames,
    history,
    reading,
    records,
    sweeps,
    times,
)
from backend.store.compactor import Compactor
from backend.store.database import open_database
from backend.store.shrink import shrink
from backend.store.snapshot import snapshot
from backend.store.verify import Findings, verify
from backend.store.writer import Guard, Writer

Result = TypeVar("Result")


class Store:
    """Experiments, runs, controls and rows in one database.

    Writes return once they are committed; reads run beside them in threads, each on one state of
    the database.
    """

    def __init__(self, url: str, guard: Guard | None = None) -> None:
        """Open (and migrate) the database at an SQLAlchemy URL.

        `guard` is called at the beginning of every writing transaction, and raises to refuse it.

        Raises:
            SettingError: it cannot be opened.
            StoreError: it was written by a newer version.
        """
        self._engine = open_database(url)
        self._writer = Writer(self._engine, guard)
        self.name = self._engine.url.get_backend_name()
        self._compactor = Compactor(self.compact)
        self._one_compaction = asyncio.Lock()
        self._notes = times.Notes()

    def close(self) -> None:
        """Commit what waits, then close the database."""
        self._writer.close()
        self._engine.dispose()

    async def _read(self, query: Callable[[Connection], Result]) -> Result:
        def run() -> Result:
            with snapshot(self._engine) as connection:
                return query(connection)

        return await asyncio.to_thread(run)

    async def check(self) -> None:
        """Read something, to know that the database answers."""
        await self._read(lambda c: c.execute(text("SELECT 1")).scalar())

    # --- experiments ------------------------------------------------------------------------------

    async def create(self, experiment: Experiment, spec: dict[str, Any]) -> None:
        """Store a new experiment and the specification it begins with."""
        await self._writer.write(lambda c: records.insert_experiment(c, experiment, spec))

    async def save(self, experiment: Experiment) -> None:
        """Store an experiment as it stands."""
        current = experiment.model_copy(deep=True)
        await self._writer.write(lambda c: records.update_experiment(c, current))
        self._compactor.saved(current.id, records.has_ended(current))
        if records.has_ended(current):
            await self._end_notes(current.id)

    async def experiment(self, id: str) -> Experiment | None:
        """The experiment called `id`, None if there is none."""
        return await self._read(lambda c: records.get_experiment(c, id))

    async def spec(self, id: str) -> dict[str, Any] | None:
        """The specification an experiment began with."""
        return await self._read(lambda c: records.get_spec(c, id))

    async def experiments(
        self, limit: int, chosen: records.Filter | None = None
    ) -> list[ExperimentSummary]:
        """The newest `limit` experiments of those that are chosen, newest first."""
        return await self._read(lambda c: records.list_experiments(c, limit, chosen))

    async def set_deleted(self, id: str, at: float | None) -> bool:
        """Delete an experiment, or bring it back (None); False if there is none."""
        return await self._writer.write(lambda c: records.set_deleted(c, id, at))

    async def purge(self, before: float) -> list[str]:
        """Take out for good what was deleted before a time (Unix seconds); their ids."""
        found = await self.deleted_before(before)
        for id in found:  # one a transaction: each may have many rows
            await self._writer.write(partial(records.purge, id=id))
        await self._writer.write(partial(sweeps.purge_sweeps, before=before))
        return found

    async def deleted_before(self, at: float) -> list[str]:
        """Ids of those that were deleted before a time (Unix seconds)."""
        return await self._read(lambda c: records.deleted_before(c, at))

    async def newest_active(self, kind: str) -> str | None:
        """Id of the newest experiment of a kind that trains or waits to."""
        return await self._read(lambda c: records.newest_active(c, kind))

    async def queued(self) -> list[str]:
        """Ids of all experiments that wait for a place, in their order."""
        return await self._read(records.queued_ids)

    async def active(self) -> list[str]:
        """Ids of all experiments that should have a worker process."""
        return await self._read(records.active_ids)

    # --- sweeps -----------------------------------------------------------------------------------

    async def create_sweep(self, sweep: sweeps.StoredSweep) -> None:
        """Store a new sweep; its experiments are there already."""
        await self._writer.write(lambda c: sweeps.insert_sweep(c, sweep))

    async def sweep(self, id: str) -> sweeps.StoredSweep | None:
        """The sweep called `id`, None if there is none."""
        return await self._read(lambda c: sweeps.get_sweep(c, id))

    async def sweeps(self, limit: int, deleted: bool = False) -> list[sweeps.StoredSweep]:
        """The newest `limit` sweeps, newest first; those that were deleted instead if `deleted`."""
        return await self._read(lambda c: sweeps.list_sweeps(c, limit, deleted))

    async def sweep_states(self, ids: list[str]) -> dict[str, list[tuple[str, str, int]]]:
        """Of each of these sweeps its experiments: id, state, step."""
        return await self._read(lambda c: sweeps.sweep_states(c, ids))

    async def rename_sweep(self, id: str, name: str) -> None:
        """Give a sweep another name."""
        await self._writer.write(lambda c: sweeps.rename_sweep(c, id, name))

    async def set_sweep_deleted(self, id: str, at: float | None) -> None:
        """Delete a sweep with its experiments, or bring them back (None)."""
        await self._writer.write(lambda c: sweeps.set_sweep_deleted(c, id, at))

    # --- controls ---------------------------------------------------------------------------------

    async def add_control(self, after: Experiment, row: dict[str, Any]) -> bool:
        """Store a control that took effect (a row of `tables.controls`) and the experiment as it
        stands after it, in one transaction; False, and nothing stored, if the control is known."""
        current = after.model_copy(deep=True)

        def change(connection: Connection) -> bool:
            if not records.insert_control(connection, current.id, row):
                return False
            records.update_experiment(connection, current)
            return True

        return await self._writer.write(change)

    async def controls(self, experiment: str) -> list[ControlOut]:
        """Every control of an experiment in order."""
        return await self._read(lambda c: records.list_controls(c, experiment))

    async def control_rows(self, experiment: str) -> list[dict[str, Any]]:
        """Kind, run, specification, step and changes of every control of an experiment in order."""
        return await self._read(lambda c: records.control_rows(c, experiment))

    async def added_runs(self, experiment: str) -> list[dict[str, Any]]:
        """Specifications of the runs added while the experiment trained."""
        return await self._read(lambda c: records.added_runs(c, experiment))

    # --- checkpoints ------------------------------------------------------------------------------

    async def put_checkpoints(
        self, experiment: str, run: str, kept: Sequence[checkpoint_index.Entry]
    ) -> None:
        """Store which states of a run are kept, instead of what was known of it."""
        await self._writer.write(lambda c: checkpoint_index.put(c, experiment, run, kept))

    async def checkpoints(self, experiment: str) -> dict[str, list[checkpoint_index.Entry]]:
        """Which states are kept, by run."""
        return await self._read(lambda c: checkpoint_index.entries(c, experiment))

    # --- rows -------------------------------------------------------------------------------------

    async def append_frame(self, experiment: str, packed: frames.Packed) -> bool:
        """Store one frame; False if it was there already.

        Raises:
            SequenceGapError: the frame before it is missing.
        """
        at = self._notes.due(experiment)
        fresh = await self._writer.write(lambda c: frames.append(c, experiment, packed, at))
        if fresh:
            self._notes.came(experiment, packed.reached)
            self._compactor.grew(experiment, 1, len(packed.data))
        return fresh

    async def newest(self, experiment: str) -> int:
        """Sequence number of the newest stored frame, 0 if there is none."""
        return await self._read(lambda c: history.newest(c, experiment))

    async def frames_after(
        self, experiment: str, after: int, limit: int
    ) -> list[tuple[int, bytes]]:
        """The stored frames after `after` as they came, at most `limit`: (seq, bytes) each."""
        return await self._read(lambda c: frames.stored(c, experiment, after, limit))

    async def times(self, experiment: str, run: str) -> tuple[list[int], list[float]]:
        """Steps of a run and when (Unix seconds) they were stored: some, and the newest."""
        steps, at = await self._read(lambda c: times.read(c, experiment, run))
        reached, newest = self._notes.newest(experiment) or ({}, 0.0)
        if reached.get(run, 0) > (steps[-1] if steps else 0):
            return [*steps, reached[run]], [*at, newest]
        return steps, at

    async def _end_notes(self, experiment: str) -> None:
        newest = self._notes.end(experiment)
        if newest is not None:
            await self._writer.write(lambda c: times.note(c, experiment, *newest))

    async def last_steps(self, experiment: str, runs: Collection[str]) -> dict[str, int]:
        """The newest stored step of each of `runs`; those without rows are left out."""
        return await self._read(lambda c: frames.last_steps(c, experiment, runs))

    async def history(self, experiment: str, after: int) -> AsyncIterator[tuple[int, bytes]]:
        """All stored rows of frames after `after`, in frames of about 1 MB: (seq, bytes) each.

        Raises:
            StoreError: a chunk is damaged.
        """
        found = await self._piece(experiment, after)
        while found is not None:
            yield found
            found = await self._piece(experiment, found[0])

    async def _piece(self, experiment: str, after: int) -> tuple[int, bytes] | None:
        return await self._read(lambda c: history.piece(c, experiment, after))

    async def series(
        self,
        experiment: str,
        run: str,
        columns: Collection[str] | None,
        first: int,
        last: int | None,
    ) -> reading.Columns:
        """Every row of one run from step `first` to `last`, both included, as Python numbers.

        Raises:
            StoreError: a chunk is damaged.
        """
        return await self._read(lambda c: reading.series(c, experiment, run, columns, first, last))

    async def read(
        self,
        experiment: str,
        run: str,
        columns: Collection[str] | None,
        first: int = 1,
        last: int | None = None,
        width: int | None = None,
    ) -> dict[str, reading.Read]:
        """Columns of one run as arrays: every row, or buckets for `width` pixels (`reading.read`).

        Raises:
            StoreError: a chunk is damaged.
        """
        return await self._read(
            lambda c: reading.read(c, experiment, run, columns, first, last, width)
        )

    async def lines(
        self,
        experiment: str,
        columns: Collection[str],
        first: int = 1,
        last: int | None = None,
        width: int | None = None,
    ) -> tuple[int, dict[str, reading.RunLines]]:
        """The newest frame's number, and as of then columns of every run (`reading.read_runs`).

        Raises:
            StoreError: a chunk is damaged.
        """

        def query(connection: Connection) -> tuple[int, dict[str, reading.RunLines]]:
            found = reading.read_runs(connection, experiment, columns, first, last, width)
            return history.newest(connection, experiment), found

        return await self._read(query)

    async def count(
        self,
        experiment: str,
        run: str,
        columns: Collection[str] | None,
        first: int = 1,
        last: int | None = None,
    ) -> int:
        """How many values `read` would give at most without a width; gaps count as rows."""
        return await self._read(lambda c: reading.count(c, experiment, run, columns, first, last))

    async def column_names(self, experiment: str, run: str) -> list[str]:
        """Names of all columns that a run has rows of."""
        return await self._read(lambda c: reading.names(c, experiment, run))

    # --- chunks -----------------------------------------------------------------------------------

    async def compact(self, experiment: str, whole: bool = False) -> None:
        """Let all frames that are stored now go on to chunks, step by step; with `whole` rows that
        would wait for more of their kind are compressed, too.

        Raises:
            StoreError: a chunk is damaged, or frames cannot go on; what is stored stays.
        """
        async with self._one_compaction:
            while True:
                made = await self._read(lambda c: compaction.plan(c, experiment, whole))
                if made is None:
                    return
                await self._apply(made)
                if not made.more:
                    return

    async def _apply(self, made: compaction.Plan) -> None:
        await self._writer.write(lambda c: compaction.apply(c, made))

    @asynccontextmanager
    async def compacting(self) -> AsyncIterator[None]:
        """Compact in the background whatever has grown long enough or has ended."""
        for tail in await self.tails():
            self._compactor.saved(tail.experiment, tail.ended)
            self._compactor.grew(tail.experiment, tail.frames, tail.size)
        task = asyncio.create_task(self._compactor.run())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def tails(self) -> list[frames.Tail]:
        """Frames that are not in chunks, of all experiments that have some."""
        return await self._read(frames.tails)

    async def ids(self) -> set[str]:
        """Of all experiments."""
        return await self._read(records.ids)

    async def tidy(self) -> tuple[int, int]:
        """Compact all frames, of experiments that have ended wholly, and give free room back to
        the disk: frames that went on to chunks, and bytes.

        Raises:
            StoreError: as of `compact`.
        """
        tails = await self.tails()
        for tail in tails:
            await self.compact(tail.experiment, tail.ended)
        freed = await asyncio.to_thread(shrink, self._engine)
        left = sum(tail.frames for tail in await self.tails())
        return sum(tail.frames for tail in tails) - left, freed

    def verify(self) -> Findings:
        """Look at everything that is stored."""
        with snapshot(self._engine) as connection:
            return verify(connection)
