"""Sweeps as rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.engine import RowMapping

from backend.store.tables import experiments, sweeps


@dataclass(frozen=True)
class StoredSweep:
    """A sweep: `spec` as asked for, with all defaults; `grid` its experiments by row and seed;
    `created_at` in Unix seconds."""

    id: str
    name: str
    created_at: float
    spec: dict[str, Any]
    grid: list[list[str]]


def insert_sweep(connection: Connection, new: StoredSweep) -> None:
    """Store a new sweep."""
    connection.execute(insert(sweeps).values(**vars(new)))


def get_sweep(connection: Connection, id: str) -> StoredSweep | None:
    """The sweep called `id`, deleted or not."""
    if "\0" in id:  # PostgreSQL has no such text, not even to look for
        return None
    row = connection.execute(select(sweeps).where(sweeps.c.id == id)).mappings().first()
    return None if row is None else _sweep(row)


def list_sweeps(connection: Connection, limit: int, deleted: bool = False) -> list[StoredSweep]:
    """The newest first; those that were deleted instead if `deleted`."""
    row = sweeps.c
    there = row.deleted_at.is_not(None) if deleted else row.deleted_at.is_(None)
    query = select(sweeps).where(there).order_by(row.created_at.desc(), row.id).limit(limit)
    return [_sweep(one) for one in connection.execute(query).mappings()]


def _sweep(row: RowMapping) -> StoredSweep:
    return StoredSweep(row["id"], row["name"], row["created_at"], row["spec"], row["grid"])


def rename_sweep(connection: Connection, id: str, name: str) -> None:
    """Give a sweep another name."""
    connection.execute(update(sweeps).where(sweeps.c.id == id).values(name=name))


def set_sweep_deleted(connection: Connection, id: str, at: float | None) -> None:
    """Delete a sweep and the experiments of its cells at a time (Unix seconds), or bring them back
    (None)."""
    before = select(sweeps.c.deleted_at).where(sweeps.c.id == id)
    if at is None:
        # Those that were deleted by themselves stay so.
        same = experiments.c.deleted_at == before.scalar_subquery()
    else:
        if connection.execute(before).scalar() is not None:
            return
        same = experiments.c.deleted_at.is_(None)
    ours = (experiments.c.sweep == id) & same
    connection.execute(update(experiments).where(ours).values(deleted_at=at))
    connection.execute(update(sweeps).where(sweeps.c.id == id).values(deleted_at=at))


def purge_sweeps(connection: Connection, before: float) -> None:
    """Take out for good what was deleted before a time (Unix seconds)."""
    connection.execute(delete(sweeps).where(sweeps.c.deleted_at < before))


def sweep_states(connection: Connection, ids: list[str]) -> dict[str, list[tuple[str, str, int]]]:
    """Of each of these sweeps its experiments: id, state, step."""
    row = experiments.c
    query = select(row.sweep, row.id, row.state, row.step).where(row.sweep.in_(ids))
    found: dict[str, list[tuple[str, str, int]]] = {id: [] for id in ids}
    for sweep, id, state, step in connection.execute(query).all():
        found[sweep].append((id, state, step))
    return found
