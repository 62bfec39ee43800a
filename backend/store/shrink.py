"""Gives the room of what was deleted back to the disk."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine, text


def shrink(engine: Engine) -> int:
    """Write the database anew without its holes; bytes that its files have got smaller."""
    before = _size(engine)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM"))
        if engine.dialect.name == "sqlite":
            connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
    return max(0, before - _size(engine))


def _size(engine: Engine) -> int:
    """Of the files of an SQLite database; 0 elsewhere."""
    if engine.dialect.name != "sqlite" or not engine.url.database:
        return 0
    path = Path(engine.url.database)
    files = (path, path.with_name(path.name + "-wal"))
    return sum(file.stat().st_size for file in files if file.exists())
