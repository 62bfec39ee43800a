"""Puts messages on a viewer's connection without a detour.

What a server sends is not masked, so that a message has the same bytes for all viewers: it is made
once, and written to each. uvicorn's own protocol makes it anew for every connection, in a task of
that connection; with hundreds of viewers that is most of the work.
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode
from websockets.http11 import Request
from websockets.protocol import State

#: Where an application finds its `Wire` in ``scope["extensions"]``; only this server has it.
EXTENSION = "lrd.wire"

TEXT, BINARY = 0x81, 0x82


def message(data: bytes | str) -> bytes:
    """`data` as a whole websocket message of a server (RFC 6455, section 5.2)."""
    payload, first = (data.encode(), TEXT) if isinstance(data, str) else (data, BINARY)
    size = len(payload)
    if size < 126:
        head = bytes((first, size))
    elif size < 65536:
        head = bytes((first, 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((first, 127)) + size.to_bytes(8, "big")
    return head + payload


class Wire:
    """One connection as the hub sees it."""

    def __init__(self, protocol: WireProtocol) -> None:
        self._protocol = protocol

    def write(self, message: bytes) -> bool:
        """Send a whole message; False, and nothing sent, if the other end has not read for so long
        that the system takes no more, or the connection is closing."""
        protocol = self._protocol
        if not protocol.writable.is_set() or not protocol.open:
            return False
        protocol.transport.write(message)
        return True

    @property
    def waiting(self) -> int:
        """Bytes that the system has not taken yet."""
        transport: asyncio.Transport = self._protocol.transport
        return 0 if transport.is_closing() else transport.get_write_buffer_size()


def _is_text(parts: list[bytes]) -> bool:
    try:
        b"".join(parts).decode()
    except UnicodeDecodeError:
        return False
    return True


class WireProtocol(WebSocketsSansIOProtocol):
    """uvicorn's websocket protocol, with a `Wire` for the application.

    It also says what is wrong with text that is none, and cuts a connection that is given up: to
    close it, uvicorn would first wait until the other end has read what is buffered, which one that
    is stuck never does.
    """

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if self.response.status_code == 101:
            extensions = self.scope["extensions"] or {}
            # The task that reads the scope has not begun yet.
            self.scope["extensions"] = {**extensions, EXTENSION: Wire(self)}  # type: ignore[dict-item]

    @property
    def open(self) -> bool:
        """Accepted, and neither end has begun to close."""
        closing = self.close_sent or self.disconnected or self.transport.is_closing()
        return self.handshake_complete and not closing

    def send_receive_event_to_app(self) -> None:
        if self.curr_msg_data_type == "text" and not _is_text(self.frames):
            self.frames = []
            # A close that came in the same breath was answered already.
            if self.conn.state is State.OPEN:
                self.conn.fail(CloseCode.INVALID_DATA, "message: it is not UTF-8; send JSON text")
            if not self.close_sent:
                self.handle_parser_exception()
            return
        super().send_receive_event_to_app()

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self.transport.abort()

    async def run_asgi(self) -> None:
        await super().run_asgi()
        self.loop.call_later(self.close_timeout, self.transport.abort)
