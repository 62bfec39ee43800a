"""Opens the store's database: driver, pragmas, migrations, the lock that keeps a second server out.

SQLite in WAL mode, or PostgreSQL through psycopg. On PostgreSQL every transaction is REPEATABLE
READ, so that several reads in one see the same state.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.util.exc import CommandError
from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from backend.settings import STORE_URL
from lrd_core.settings import SettingError

MIGRATIONS = Path(__file__).parent / "migrations"
DRIVER = "postgresql+psycopg"
NO_DRIVER = "a database whose driver is installed: pip install 'lrd-lab[postgres]'"
#: Seconds to connect in, and until a connection that says nothing counts as cut; a URL may differ.
PATIENCE: dict[str, Any] = {
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 4,
}
#: Held by the server that migrates a PostgreSQL store.
MIGRATION_LOCK = 0x4C5244_01


class StoreError(RuntimeError):
    """The store cannot be used; the message names it and the mend."""


def open_database(url: str) -> Engine:
    """An engine on `url`, its schema brought up to date.

    Raises:
        SettingError: it cannot be opened.
        StoreError: the database was written by a newer version.
    """
    engine = connect_database(url)
    upgrade(engine)
    return engine


def check_database(url: str) -> None:
    """Open and close the database at `url`; a file that is not there is made, empty.

    Raises:
        SettingError: it cannot be opened.
    """
    connect_database(url).dispose()


def connect_database(url: str) -> Engine:
    """An engine that has connected once; the schema is left as it is.

    Raises:
        SettingError: it cannot be opened.
    """
    shown = url
    try:
        parsed = make_url(url)
        shown = parsed.render_as_string(hide_password=True)
        engine = _engine(parsed)
        engine.connect().close()
    except ImportError:
        raise SettingError("LRD_STORE", shown, NO_DRIVER) from None
    except (ArgumentError, ValueError):
        raise SettingError("LRD_STORE", shown, STORE_URL) from None
    except (OSError, DBAPIError) as error:
        cause = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        allowed = f"a database that can be opened ({cause})"
        raise SettingError("LRD_STORE", shown, allowed) from None
    return engine


def _engine(url: URL) -> Engine:
    if url.get_backend_name() == "postgresql":
        # A connection that the database has closed meanwhile is replaced, not used.
        return create_engine(
            url.set(drivername=DRIVER),
            connect_args={name: PATIENCE[name] for name in PATIENCE.keys() - url.query.keys()},
            isolation_level="REPEATABLE READ",
            pool_pre_ping=True,
        )
    if url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    engine = create_engine(url)
    event.listen(engine, "connect", _prepare_sqlite)
    return engine


def connect_arguments(url: str) -> dict[str, Any]:
    """What `psycopg.connect` is given for a connection of its own to a PostgreSQL store."""
    parsed = make_url(url).set(drivername=DRIVER)
    return PATIENCE | dict(parsed.get_dialect()().create_connect_args(parsed)[1])


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
    several = engine.dialect.name == "postgresql"
    if several:
        # Whoever has waited for the lock must see what was done meanwhile.
        engine = engine.execution_options(isolation_level="READ COMMITTED")
    with engine.begin() as connection:
        if several:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            shown = engine.url.render_as_string(hide_password=True)
            raise StoreError(
                f"store {shown}: {error}; use the version that wrote it, or another store"
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
