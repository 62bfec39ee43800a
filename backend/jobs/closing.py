"""Why the backend closes a worker's or a node's link: one code a cause; the reason is in words."""

from __future__ import annotations

from enum import IntEnum

from pydantic import ValidationError

#: A close frame holds at most so many bytes of reason.
MAX_REASON = 123
#: Bytes of a message in either direction.
MAX_MESSAGE = 16 * 1024 * 1024


class Close(IntEnum):
    """Close codes of ``/api/worker`` and ``/api/node``; 1009, a message that is too long, is the
    protocol's own."""

    #: The store took nothing: come back later.
    STORE_FAILED = 1011
    #: Text that is no message known here.
    MESSAGE = 4400
    #: Bytes that are no frame, or a frame of another version.
    FRAME = 4401
    #: A frame whose rows do not follow those that are stored.
    ROWS = 4402
    #: Not the server's token. In an HTTP answer: a stranger gets no websocket.
    TOKEN = 4403
    #: The worker speaks another version of the link.
    VERSION = 4404
    #: The same worker has connected anew.
    REPLACED = 4408
    #: A frame came before the one that it follows.
    GAP = 4409
    #: Not needed any more.
    GO_AWAY = 4410
    #: Another node has this name.
    NAME = 4411
    #: This server runs no jobs; the reason says who does.
    ELSEWHERE = 4412
    #: The store works again: send again what it has not acknowledged.
    AGAIN = 4503


#: The worker need not come back.
FINAL = frozenset({Close.GO_AWAY, Close.VERSION})
#: What was sent is wrong, and would be so again.
REFUSED = frozenset({Close.MESSAGE, Close.FRAME, Close.ROWS, Close.GAP, 1009})


class RefusedError(ValueError):
    """A worker sent what is not allowed; `code` is what its link is closed with."""

    def __init__(self, code: Close, words: str) -> None:
        super().__init__(words)
        self.code = code


def shortened(reason: str) -> str:
    """`reason` in one line of at most `MAX_REASON` bytes of UTF-8."""
    line = " ".join(reason.split())
    return line.encode("utf-8", "replace")[:MAX_REASON].decode(errors="ignore")


def first_fault(error: ValidationError) -> str:
    """The first thing wrong with a message, on one line."""
    first = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, first['loc'])) or 'text'}: {first['msg']}"
