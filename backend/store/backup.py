"""A copy of the store as it is at one moment, beside a server that goes on writing."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from sqlalchemy.engine import make_url

from backend.store.database import StoreError
from lrd_core.settings import SettingError


def backup(url: str, target: Path) -> int:
    """Copy the SQLite store at `url` to the file `target`, whole or not at all; its bytes.

    Raises:
        SettingError: it is no SQLite file, or `target` exists or is in no folder.
        StoreError: no room, or the copy is damaged; nothing is left of it.
    """
    source = sqlite_file(url)
    if target.exists():
        raise SettingError("file", str(target), "the name of a file that does not exist yet")
    if not target.parent.is_dir():
        raise SettingError("file", str(target), "a file in a folder that exists")
    log = source.with_name(source.name + "-wal")
    needed = source.stat().st_size + (log.stat().st_size if log.exists() else 0)
    free = shutil.disk_usage(target.parent).free
    if free < needed:
        raise StoreError(
            f"{target.parent}: {free / 1e6:.0f} MB are free, the copy needs {needed / 1e6:.0f} MB; "
            "free some, or name a file on another disk"
        )
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        _copy(source, part)
        part.replace(target)
    except (sqlite3.Error, OSError) as error:
        raise StoreError(f"{target}: the copy failed ({error}); nothing is left of it") from error
    finally:
        for left in (part, part.with_name(part.name + "-journal")):
            with suppress(OSError):
                left.unlink()
    return target.stat().st_size


def sqlite_file(url: str) -> Path:
    """The file of an SQLite store.

    Raises:
        SettingError: it is another database, or there is no file.
    """
    parsed = make_url(url)
    shown = parsed.render_as_string(hide_password=True)
    if parsed.get_backend_name() != "sqlite" or parsed.database in (None, "", ":memory:"):
        allowed = "the URL of an SQLite file; PostgreSQL is saved with pg_dump"
        raise SettingError("LRD_STORE", shown, allowed)
    path = Path(str(parsed.database))
    if not path.is_file():
        raise SettingError("LRD_STORE", shown, "the URL of an SQLite file that exists")
    return path


def _copy(source: Path, part: Path) -> None:
    # Only its owner may read it, as the folder of the store.
    os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    with closing(sqlite3.connect(source)) as original, closing(sqlite3.connect(part)) as copy:
        original.execute("PRAGMA busy_timeout=5000")
        # In one go: a copy in pieces begins anew with every commit of a server beside it, which
        # this way does not wait, since readers keep no writer out in WAL mode.
        original.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")
        [(found,)] = copy.execute("PRAGMA quick_check(1)").fetchall()
        if found != "ok":
            raise StoreError(f"{source}: it is damaged ({found}); see `lrd verify`")
    with part.open("rb") as file:
        os.fsync(file.fileno())
