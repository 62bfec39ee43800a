"""The store as the server uses it: every call is awaited, none blocks the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from typing import Any, TypeVar

from sqlalchemy import Connection, text

from backend.protocol import ControlOut, Experiment, ExperimentSummary
from backend.store import frames, records
from backend.store.database import open_database
from backend.store.writer import Writer

Result = TypeVar("Result")


class Store:
    """Experiments, runs, controls and frames in one database.

    Writes return once they are committed; reads run beside them in threads.
    """

    def __init__(self, url: str) -> None:
        """Open (and migrate) the database at an SQLAlchemy URL.

        Raises:
            SettingError: it cannot be opened.
            StoreError: it was written by a newer version.
        """
        self._engine = open_database(url)
        self._writer = Writer(self._engine)
        self.name = self._engine.url.get_backend_name()

    def close(self) -> None:
        """Commit what waits, then close the database."""
        self._writer.close()
        self._engine.dispose()

    async def _read(self, query: Callable[[Connection], Result]) -> Result:
        def run() -> Result:
            with self._engine.connect() as connection:
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
        snapshot = experiment.model_copy(deep=True)
        await self._writer.write(lambda c: records.update_experiment(c, snapshot))

    async def experiment(self, id: str) -> Experiment | None:
        """The experiment called `id`, None if there is none."""
        return await self._read(lambda c: records.get_experiment(c, id))

    async def spec(self, id: str) -> dict[str, Any] | None:
        """The specification an experiment began with."""
        return await self._read(lambda c: records.get_spec(c, id))

    async def experiments(self, limit: int) -> list[ExperimentSummary]:
        """The newest `limit` experiments, newest first."""
        return await self._read(lambda c: records.list_experiments(c, limit))

    async def newest_active(self, kind: str) -> str | None:
        """Id of the newest experiment of a kind that trains or waits to."""
        return await self._read(lambda c: records.newest_active(c, kind))

    async def queued(self) -> list[str]:
        """Ids of all experiments that wait for a place, in their order."""
        return await self._read(records.queued_ids)

    async def active(self) -> list[str]:
        """Ids of all experiments that should have a worker process."""
        return await self._read(records.active_ids)

    # --- controls ---------------------------------------------------------------------------------

    async def add_control(self, after: Experiment, row: dict[str, Any]) -> bool:
        """Store a control that took effect (a row of `tables.controls`) and the experiment as it
        stands after it, in one transaction; False, and nothing stored, if the control is known."""
        snapshot = after.model_copy(deep=True)

        def change(connection: Connection) -> bool:
            if not records.insert_control(connection, snapshot.id, row):
                return False
            records.update_experiment(connection, snapshot)
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

    # --- frames -----------------------------------------------------------------------------------

    async def append_frame(self, experiment: str, packed: frames.Packed) -> bool:
        """Store one frame; False if it was there already.

        Raises:
            SequenceGapError: the frame before it is missing.
        """
        return await self._writer.write(lambda c: frames.append(c, experiment, packed))

    async def newest(self, experiment: str) -> int:
        """Sequence number of the newest stored frame, 0 if there is none."""
        return await self._read(lambda c: frames.newest(c, experiment))

    async def last_steps(self, experiment: str, runs: Collection[str]) -> dict[str, int]:
        """The newest stored step of each of `runs`; those without rows are left out."""
        return await self._read(lambda c: frames.last_steps(c, experiment, runs))

    async def history(self, experiment: str, after: int) -> AsyncIterator[tuple[int, bytes]]:
        """All stored frames after `after`, merged into pieces of about 1 MB: (seq, bytes) each."""
        found = await self._piece(experiment, after)
        while found is not None:
            yield found
            found = await self._piece(experiment, found[0])

    async def _piece(self, experiment: str, after: int) -> tuple[int, bytes] | None:
        return await self._read(lambda c: frames.piece(c, experiment, after))

    async def series(
        self,
        experiment: str,
        run: str,
        columns: Collection[str] | None,
        first: int,
        last: int | None,
    ) -> frames.Columns:
        """Rows of one run from step `first` to `last`, both included."""
        return await self._read(lambda c: frames.series(c, experiment, run, columns, first, last))
