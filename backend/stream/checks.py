"""What a viewer may ask and send; anything else closes its connection with a reason.

Close codes: 4400 for what cannot be read, and for one fault each 4404 no such experiment, 4409 a
cursor of another experiment, 4413 too long, 4416 a cursor beyond the newest frame, 4426 another
version of the protocol.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from backend.protocol import PROTOCOL_VERSION, Ping

BAD = 4400
UNKNOWN = 4404
FOREIGN = 4409
TOO_LONG = 4413
BEYOND = 4416
VERSION = 4426

MAX_TEXT = 64_000
#: A close frame holds at most 123 bytes of reason.
MAX_REASON = 123
MAX_SHOWN = 20
MAX_DIGITS = 15


class RefusedError(Exception):
    """The viewer asked for or sent something that is not allowed; `code` is the close code."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def shortened(reason: str) -> str:
    """`reason` in at most `MAX_REASON` bytes of UTF-8."""
    return reason.encode(errors="replace")[:MAX_REASON].decode(errors="ignore")


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else repr(value)
    cut = text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "…"
    return repr(cut) if isinstance(value, str) else cut


def check_version(asked: str | None) -> None:
    """The version of the protocol that a viewer speaks, None for this one.

    Raises:
        RefusedError: it is another.
    """
    if asked not in (None, str(PROTOCOL_VERSION)):
        words = f"v: {_shown(asked)} is not spoken here; use {PROTOCOL_VERSION} (reload the page)"
        raise RefusedError(VERSION, words)


def cursor_of(text: str, experiment: str, newest: int) -> int:
    """The frame to start after: ``SEQ``, or ``EXPERIMENT:SEQ``, which is no other experiment's.

    Raises:
        RefusedError: not a cursor, another experiment's, or one beyond the `newest` frame.
    """
    owner, colon, digits = text.rpartition(":")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= MAX_DIGITS):
        words = f"after: {_shown(text)} is not allowed; use a whole number in [0, {newest}]"
        raise RefusedError(BAD, words)
    if colon and owner != experiment:
        words = f"after: {_shown(text)} is a cursor of another experiment; use one of {experiment}"
        raise RefusedError(FOREIGN, words)
    if int(digits) > newest:
        words = f"after: {_shown(text)} is beyond the newest frame; use a number in [0, {newest}]"
        raise RefusedError(BEYOND, words)
    return int(digits)


def check_message(received: Mapping[str, Any]) -> None:
    """A message of the viewer (an ASGI event), of which there is one: a ping.

    Raises:
        RefusedError: it is something else.
    """
    text = received.get("text")
    if text is None:
        size = len(received.get("bytes") or b"")
        raise RefusedError(BAD, f"message: {size} bytes of binary are not allowed; send JSON text")
    if len(text) > MAX_TEXT:
        raise RefusedError(TOO_LONG, f"message: {len(text)} characters; use at most {MAX_TEXT}")
    try:
        ping = Ping.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "message"
        words = f'{field}: {_shown(first["input"])} is not allowed; use {{"type": "ping"}}'
        raise RefusedError(BAD, words) from None
    if ping.v != PROTOCOL_VERSION:
        words = f"v: {ping.v} is not spoken here; use {PROTOCOL_VERSION} (reload the page)"
        raise RefusedError(VERSION, words)
