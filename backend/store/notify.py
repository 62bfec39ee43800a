"""What a PostgreSQL store tells the servers that share it: a word when something was committed."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

#: The channel on which all servers of a store listen for news of what was stored.
STORED = "lrd_stored"


def notify(connection: Connection, *words: str | int) -> None:
    """Tell every server, once this transaction is committed; SQLite has one server only."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_notify(STORED, " ".join(map(str, words)))))
