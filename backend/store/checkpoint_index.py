"""The index of checkpoints: which states of which runs are kept; their files lie elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, delete, insert, select

from backend.store.tables import checkpoints

#: Step, bytes of the file, and whether it was kept just before a change.
Entry = tuple[int, int, bool]


def put(connection: Connection, experiment: str, run: str, kept: Sequence[Entry]) -> None:
    """Replace the entries of a run."""
    here = (checkpoints.c.experiment_id == experiment) & (checkpoints.c.run == run)
    connection.execute(delete(checkpoints).where(here))
    rows = [
        {"experiment_id": experiment, "run": run, "step": step, "bytes": size, "pinned": pinned}
        for step, size, pinned in kept
    ]
    if rows:
        connection.execute(insert(checkpoints), rows)


def entries(connection: Connection, experiment: str) -> dict[str, list[Entry]]:
    """By run, each in the order of its steps."""
    wanted = select(checkpoints).where(checkpoints.c.experiment_id == experiment)
    found: dict[str, list[Entry]] = {}
    for row in connection.execute(wanted.order_by(checkpoints.c.run, checkpoints.c.step)):
        found.setdefault(row.run, []).append((row.step, row.bytes, row.pinned))
    return found
