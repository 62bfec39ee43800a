"""Opens the store's database: pragmas, migrations, and the lock that keeps a second server out."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.util.exc import CommandError
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from backend.settings import STORE_URL
from lrd_core.settings import SettingError

MIGRATIONS = Path(__file__).parent / "migrations"


class StoreError(RuntimeError):
    """The store cannot be used; the message names it and the mend."""


def open_database(url: str) -> Engine:
    """An engine on `url`, its schema brought up to date.

    Raises:
        SettingError: it cannot be opened.
        StoreError: the database was written by a newer version.
    """
    engine = _connected(url)
    upgrade(engine)
    return engine


def check_database(url: str) -> None:
    """Open and close the database at `url`; a file that is not there is made, empty.

    Raises:
        SettingError: it cannot be opened.
    """
    _connected(url).dispose()


def _connected(url: str) -> Engine:
    """An engine that has connected once."""
    shown = url
    try:
        parsed = make_url(url)
        shown = parsed.render_as_string(hide_password=True)
        sqlite = parsed.get_backend_name() == "sqlite"
        if sqlite and parsed.database:
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        engine = create_engine(parsed)
        if sqlite:
            event.listen(engine, "connect", _prepare_sqlite)
        engine.connect().close()
    except (ArgumentError, ImportError, ValueError):
        raise SettingError("LRD_STORE", shown, STORE_URL) from None
    except (OSError, DBAPIError) as error:
        cause = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        allowed = f"a database that can be opened ({cause})"
        raise SettingError("LRD_STORE", shown, allowed) from None
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    # WAL with NORMAL: a commit survives the death of any process, and costs no wait for the disk.
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA busy_timeout=5000")
    cursor.close()


def upgrade(engine: Engine) -> None:
    """Apply every migration that is missing."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise StoreError(
                f"store {engine.url!s}: {error}; use the version that wrote it, or another store"
            ) from error


class FolderLock:
    """Held by the one server that writes a store; ends with its process, however that dies."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._path = folder / "server.lock"
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _lock(self._file)
        except OSError:
            holder = os.read(self._file, 20).decode("ascii", "replace").strip()
            os.close(self._file)
            raise StoreError(
                f"store {folder}: it is in use by another server (process {holder}); "
                "stop that one or set LRD_STORE to another file"
            ) from None
        os.ftruncate(self._file, 0)
        os.write(self._file, str(os.getpid()).encode())

    def release(self) -> None:
        os.close(self._file)


def _lock(file: int) -> None:
    try:
        import fcntl
    except ImportError:  # a system without advisory locks: nothing keeps a second server out
        return
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
