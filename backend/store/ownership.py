"""Who runs the jobs of a PostgreSQL store: the server that holds an advisory lock on it.

The lock ends with its connection, however the server dies. Its holder's address is the name of that
connection, so that nothing is left over of a server that is gone.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, LiteralString

import psycopg
from sqlalchemy import Connection, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError

from backend.store.database import StoreError, check_database, connect_arguments
from lrd_core.settings import SettingError

#: Key of the advisory lock.
OWNER_LOCK = 0x4C5244_02
#: PostgreSQL cuts longer names of connections.
MAX_ADDRESS = 63
#: A holder whose machine or network is gone is noticed within about half a minute.
_ALIVE = ("tcp_keepalives_idle = 10", "tcp_keepalives_interval = 5", "tcp_keepalives_count = 4")
_OWNER: LiteralString = """
    SELECT activity.application_name
    FROM pg_locks AS held JOIN pg_stat_activity AS activity USING (pid)
    WHERE held.locktype = 'advisory' AND held.granted
      AND held.classid = 0 AND held.objid = %s AND held.objsubid = 1
      AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
_HOLDS = text(_OWNER.replace("%s", ":key") + " AND held.pid = :process")


@contextmanager
def alone(url: str, who: str) -> Iterator[None]:
    """Held by a command that must be the only one to write a PostgreSQL store for a while.

    Raises:
        SettingError: the store cannot be opened.
        StoreError: a server runs its jobs.
    """
    check_database(url)
    arguments = connect_arguments(url) | {"application_name": who}
    with psycopg.connect(**arguments, autocommit=True) as connection:
        taken = connection.execute("SELECT pg_try_advisory_lock(%s)", (OWNER_LOCK,)).fetchone()
        if taken != (True,):
            owner = connection.execute(_OWNER, (OWNER_LOCK,)).fetchone()
            shown = make_url(url).render_as_string(hide_password=True)
            raise StoreError(
                f"store {shown}: it is in use by another server "
                f"({owner[0] if owner else 'gone now'}); stop that one first"
            )
        yield


class Ownership:
    """One server's claim to the jobs of a store; `held` says whether it had the lock when last
    seen."""

    def __init__(self, url: str, address: str) -> None:
        """`address` is where other servers reach this one, e.g. ``http://10.0.0.5:8000``.

        Raises:
            SettingError: the address is too long to be made known.
        """
        if len(address.encode()) > MAX_ADDRESS:
            raise SettingError("LRD_ADDRESS", address, f"an address of at most {MAX_ADDRESS} bytes")
        self.held = False
        self._arguments = connect_arguments(url) | {"application_name": address}
        self._connection: psycopg.AsyncConnection[Any] | None = None
        #: Of the database's process that holds the lock.
        self._process = 0

    async def take(self) -> bool:
        """Hold the lock from now on; False if another server does.

        Raises:
            psycopg.Error: the database does not answer.
        """
        if not self.held:
            self.held = bool(await self._ask("SELECT pg_try_advisory_lock(%s)"))
            if self.held and self._connection is not None:
                self._process = self._connection.info.backend_pid
        return self.held

    def check(self, connection: Connection) -> None:
        """Refuse a transaction of a server that does not hold the lock (any more).

        Raises:
            OperationalError: so it is; a later attempt may succeed, as with a database that is
                away.
        """
        known = {"key": OWNER_LOCK, "process": self._process}
        if not self.held or connection.execute(_HOLDS, known).first() is None:
            refused = StoreError("this server does not run the jobs of the store (any more)")
            raise OperationalError(None, None, refused)

    async def owner(self) -> str:
        """Address of the server that holds the lock; empty if none does.

        Raises:
            psycopg.Error: the database does not answer; the lock is lost, if it was held.
        """
        return await self._ask(_OWNER) or ""

    async def close(self) -> None:
        """Give the lock back."""
        if self.held:
            with suppress(psycopg.Error):
                await self._ask("SELECT pg_advisory_unlock(%s)")
        self.held = False
        if self._connection is not None:
            await self._connection.close()

    async def _ask(self, query: LiteralString) -> Any:
        """The first value of the first row of a query about the lock."""
        connection = self._connection
        try:
            if connection is None or connection.closed:
                self.held = False
                connection = self._connection = await psycopg.AsyncConnection.connect(
                    **self._arguments, autocommit=True
                )
                for setting in _ALIVE:
                    await connection.execute(f"SET {setting}")
            row = await (await connection.execute(query, (OWNER_LOCK,))).fetchone()
        except psycopg.Error:
            self.held = False
            if connection is not None:
                await connection.close()
            raise
        return row[0] if row else None
