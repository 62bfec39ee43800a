"""Whatever a viewer sends, it is told what is wrong, and nobody else notices."""

from __future__ import annotations

import asyncio
import json
import random
import struct
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from hypothesis import given, settings
from hypothesis import strategies as st

from backend.protocol import Ping
from backend.services import Services
from backend.stream.checks import RefusedError, check_message, cursor_of, shortened
from backend.stream.wire import WireProtocol
from lrd_core.engine.frames import decode
from tests.backend.stream.alone import publish, serving

PING = json.dumps({"type": "ping", "v": 1})
REFUSALS = {4400, 4413, 4426}
#: Of the websocket protocol itself: not its bytes, not UTF-8, too large.
BROKEN = {1002, 1007, 1009}
BINARY, CLOSE = 2, 8

garbled = st.builds(
    lambda text, at, put, cut: text[: at % len(text)] + put + text[at % len(text) + cut :],
    st.just(PING),
    st.integers(0, 100),
    st.text(max_size=5),
    st.integers(0, 10),
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
objects = st.fixed_dictionaries({}, optional={"type": values, "v": values, "more": values})
texts = st.text() | garbled | st.builds(json.dumps, values) | st.builds(json.dumps, objects)


def is_ping(text: str) -> bool:
    try:
        return Ping.model_validate_json(text).v == 1
    except ValueError:
        return False


def refusal(check: Callable[..., object], *given: object) -> RefusedError | None:
    """What `check` says against it, as it goes over the wire."""
    try:
        check(*given)
    except RefusedError as error:
        return RefusedError(error.code, shortened(str(error)))
    return None


@given(texts | st.binary())
@settings(max_examples=150, deadline=None)
def test_every_message_is_a_ping_or_refused_with_a_field(sent: str | bytes) -> None:
    key = "text" if isinstance(sent, str) else "bytes"
    refused = refusal(check_message, {"type": "websocket.receive", key: sent})
    if refused is None:
        assert isinstance(sent, str)
        assert is_ping(sent)
    else:
        assert refused.code in REFUSALS
        assert ": " in str(refused)
        assert len(str(refused).encode()) <= 123
        assert isinstance(sent, bytes) or not is_ping(sent)


@given(st.text(max_size=40) | st.from_regex(r"(e[0-9]:)?[0-9]{1,20}", fullmatch=True))
@settings(max_examples=150, deadline=None)
def test_every_cursor_is_one_of_this_experiment_or_refused(text: str) -> None:
    refused = refusal(cursor_of, text, "e1", 57)
    if refused is None:
        assert 0 <= cursor_of(text, "e1", 57) <= 57
        assert text.removeprefix("e1:").isdigit()
    else:
        assert refused.code in {4400, 4409, 4416}
        assert str(refused).startswith("after: ")
        assert len(str(refused).encode()) <= 123


def masked(first: int, payload: bytes, size: int | None = None) -> bytes:
    """A client's websocket message; `size` is what it says of its length."""
    head = struct.pack("!BBQ", first, 0x80 | 127, len(payload) if size is None else size)
    return head + bytes(4) + payload


def corrupt(chance: random.Random) -> bytes:
    """Bytes of one or more messages, with something wrong more often than not."""
    ping = masked(0x81, PING.encode())
    kind = chance.randrange(7)
    if kind == 0:
        return chance.randbytes(chance.randrange(1, 200))
    if kind == 1:
        return ping[: chance.randrange(len(ping))]
    if kind == 2:
        at = chance.randrange(len(ping))
        return ping[:at] + chance.randbytes(1) + ping[at + 1 :]
    if kind == 3:
        return masked(0x81, b"{}", chance.choice([2**63 - 1, 2**40, 2**24, 100_000]))
    if kind == 4:
        return masked(0x81, chance.randbytes(chance.randrange(1, 50)))
    if kind == 5:
        return masked(chance.choice([0x82, 0x01, 0x80, 0x83, 0xC1, 0x88]), PING.encode())
    return ping + masked(0x81, b"{}") + ping


def messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Opcode and payload of what a server sent."""
    while data:
        opcode, size, start = data[0] & 15, data[1], 2
        if size == 126:
            size, start = int.from_bytes(data[2:4], "big"), 4
        elif size == 127:
            size, start = int.from_bytes(data[2:10], "big"), 10
        yield opcode, data[start : start + size]
        data = data[start + size :]


class Raw:
    """A viewer that sends bytes; it is let in, and has heard hello."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def end(self, data: bytes, patience: float) -> list[tuple[int, bytes]]:
        """Send `data`; all that the server says until it closes, or until that has been waited
        for so long and nothing more is sent."""
        self._writer.write(data)
        heard = b""
        try:
            async with asyncio.timeout(patience):
                while got := await self._reader.read(65536):
                    heard += got
        except TimeoutError:
            self._writer.write_eof()
            heard += await asyncio.wait_for(self._reader.read(), 30)
        return list(messages(heard))


@asynccontextmanager
async def raw(address: str) -> AsyncIterator[Raw]:
    parts = urlsplit(address)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    writer.write(
        f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode()
    )
    await reader.readuntil(b"\r\n\r\n")
    await reader.readuntil(b'"viewers":')
    await reader.readuntil(b"}")
    yield Raw(reader, writer)
    writer.close()


async def test_bytes_that_are_no_messages_end_their_connection_and_no_other(
    services: Services,
) -> None:
    chance, codes = random.Random(0), Counter[int]()
    goodbye = masked(0x88, (1000).to_bytes(2, "big"))
    async with serving(services, WireProtocol) as address, raw(address) as bystander:
        for _ in range(120):
            sent = corrupt(chance) + (goodbye if chance.random() < 0.5 else b"")
            async with raw(address) as viewer:
                said = await viewer.end(sent, 0.1)
            closes = [payload for opcode, payload in said if opcode == CLOSE]
            assert len(closes) <= 1, sent
            for payload in closes:
                code, reason = int.from_bytes(payload[:2], "big"), payload[2:].decode()
                codes[code] += 1
                assert code in REFUSALS | BROKEN | {1000} or sent[0] & 15 == CLOSE, (code, sent)
                assert reason or code not in REFUSALS, sent
        for seq in (1, 2, 3):
            await publish(services, seq)
        said = await bystander.end(goodbye, 30)
    assert [decode(data).seq for opcode, data in said if opcode == BINARY] == [1, 2, 3]
    assert services.hub.count == 0
    assert min(codes[code] for code in (4400, 1002, 1007, 1009)) > 0, codes
