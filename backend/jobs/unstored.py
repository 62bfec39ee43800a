"""A store that takes nothing, its disk full or its server away: what to say, and to try again."""

from __future__ import annotations

import asyncio
import errno
import logging
import sqlite3
from collections.abc import Awaitable, Callable
from typing import Any

from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError

from backend.errors import ApiError

log = logging.getLogger(__name__)

#: Seconds between two attempts.
RETRY_S = 1.0
#: What the system says of a disk, a quota or a file that can take no more.
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
#: The same from PostgreSQL: class 53, insufficient resources, "disk_full".
DISK_FULL = "53100"


def no_room(error: BaseException) -> bool:
    """Whether a disk is full."""
    if isinstance(error, OSError):
        return error.errno in NO_ROOM
    origin: Any = getattr(error, "orig", None)
    if getattr(origin, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
        return True
    return getattr(origin, "sqlstate", None) == DISK_FULL


def cause(error: SQLAlchemyError) -> str:
    """What the database said, on one line and without the statement."""
    return str(getattr(error, "orig", None) or error).splitlines()[0]


def full_words(detail: str) -> str:
    """Why an experiment is paused."""
    return f"paused: the disk is full ({detail}); free space, then press play"


def held_words(error: DBAPIError) -> str:
    """Why nothing is stored, and what happens to it."""
    if no_room(error):
        return full_words(cause(error))
    return f"the store takes nothing ({cause(error)}); rows are kept until it does"


def refusal(error: DBAPIError) -> ApiError:
    """507 or 503: a request that needs the store."""
    if no_room(error):
        words = f"store: the disk is full ({cause(error)}); free space, then try again"
        return ApiError(507, "store", None, "a disk with room", words)
    words = f"store: it takes nothing ({cause(error)}); try again when it does"
    return ApiError(503, "store", None, "a store that works", words)


async def until_stored(
    write: Callable[[], Awaitable[object]], wanted: Callable[[], bool] = lambda: True
) -> None:
    """Try `write` again until it works, is not `wanted` any more, or fails for another reason."""
    while wanted():
        try:
            await write()
            return
        except OperationalError as error:
            log.debug("the store still takes nothing: %s", cause(error))
        await asyncio.sleep(RETRY_S)
