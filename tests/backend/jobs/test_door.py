"""Nothing bad comes in by the worker's door: each has its own error, and nothing is stored."""

from __future__ import annotations

import json
import logging
import struct
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.exceptions import InvalidStatus

from backend.jobs.closing import MAX_MESSAGE, Close
from backend.jobs.messages import Ack, WorkerHello
from backend.jobs.seal import HEADER, sealed
from lrd_core.engine.frames import Block, Frame, encode
from tests.backend.asgi import hello
from tests.backend.jobs.door import Door, closed, open_door

ROWS = 3
#: A few: every one opens a connection.
some = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    with open_door(tmp_path_factory.mktemp("door")) as door:
        with door.inside() as link:
            link.send(sealed(frame(1)))
            assert Ack.model_validate_json(link.recv()).seq == 1
        yield door


@pytest.fixture
def door(shared: Door, caplog: pytest.LogCaptureFixture) -> Iterator[Door]:
    """The door; afterwards the store is as before, and the next right frame comes in."""
    before, seq = shared.stored(), shared.newest()
    with caplog.at_level(logging.ERROR):
        yield shared
    assert not caplog.records
    assert shared.stored() == before
    with shared.inside() as link:
        link.send(sealed(frame(seq + 1)))
        assert Ack.model_validate_json(link.recv()).seq == seq + 1


def block(first: int, run: str = "r1", rows: int = ROWS, every: int = 1) -> Block:
    return Block(run, first, every, rows, {"loss": ("f8", bytes(8 * min(rows, 10)))})


def frame(seq: int, *blocks: Block, version: int = 1) -> bytes:
    """Frame `seq`; frames of `ROWS` rows each came before it."""
    return encode(Frame(version, seq, [*blocks] or [block(1 + ROWS * (seq - 1))]))


def refused(door: Door, message: bytes | str) -> tuple[int, str]:
    with door.inside() as link:
        return closed(link, message)


@some
@given(data=st.data())
def test_a_damaged_frame_is_refused(door: Door, data: st.DataObject) -> None:
    right = bytearray(sealed(frame(door.newest() + 1)))
    places = st.lists(st.integers(0, len(right) - 1), min_size=1, max_size=4, unique=True)
    for place in data.draw(places):
        right[place] ^= data.draw(st.integers(1, 255))
    code, reason = refused(door, bytes(right))
    assert code == Close.FRAME
    assert "send it" in reason


@some
@given(data=st.data())
def test_a_frame_that_is_cut_short_is_refused(door: Door, data: st.DataObject) -> None:
    right = sealed(frame(door.newest() + 1))
    size = data.draw(st.integers(0, len(right) - 1))
    code, reason = refused(door, right[:size])
    assert code == Close.FRAME
    came = size if size < HEADER.size else size - HEADER.size
    assert f"{came} bytes came" in reason


@some
@given(junk=st.binary(max_size=200))
def test_bytes_that_are_no_frame_are_refused(door: Door, junk: bytes) -> None:
    code, reason = refused(door, sealed(junk))
    assert code == Close.FRAME
    assert "not a frame" in reason


@some
@given(version=st.integers(-(2**63), 2**64 - 1).filter(lambda v: v != 1))
def test_a_frame_of_another_version_is_refused(door: Door, version: int) -> None:
    code, reason = refused(door, sealed(frame(door.newest() + 1, version=version)))
    assert code == Close.FRAME
    assert reason == f"v: {version} is not known here; use frame version 1"


@some
@given(ahead=st.integers(2, 2**60))
def test_a_frame_before_its_turn_is_refused(door: Door, ahead: int) -> None:
    newest = door.newest()
    following = block(1 + ROWS * newest)
    code, reason = refused(door, sealed(frame(newest + ahead, following)))
    assert code == Close.GAP
    assert reason.startswith(f"frame {newest + ahead} of experiment {door.id} came after")


@some
@given(back=st.integers(0, 3))
def test_a_frame_that_came_already_is_acknowledged_and_not_stored(door: Door, back: int) -> None:
    seq = max(1, door.newest() - back)
    with door.inside() as link:
        link.send(sealed(frame(seq)))
        assert Ack.model_validate_json(link.recv()).seq == seq


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (lambda step: [], "it has no rows"),
        (lambda step: [block(step, run="r9")], "there is no run 'r9'"),
        (lambda step: [block(step, run="r1" * 5000)], "there is no run"),
        (lambda step: [block(step, run="é" * 300)], "there is no run"),
        (lambda step: [block(step + 1)], "send step"),
        (lambda step: [block(step - 1)], "send step"),
        (lambda step: [block(step), block(step)], "send step"),
        (lambda step: [Block("r1", step, 1, 2**62, {})], "no columns"),
        (lambda step: [block(2**60, every=7)], "too large"),
        (lambda step: [block(step, every=2)], "has no row of its own"),
    ],
)
def test_rows_that_do_not_follow_are_refused(
    door: Door, made: Callable[[int], list[Block]], words: str
) -> None:
    seq = door.newest() + 1
    message = encode(Frame(1, seq, made(1 + ROWS * (seq - 1))))
    code, reason = refused(door, sealed(message))
    assert (code, words in reason) == (Close.ROWS, True), reason


small = st.integers(-2, 2**64 - 1)
texts = st.text(max_size=8)
columns = st.dictionaries(texts, st.tuples(st.sampled_from(["f4", "f8", "i4"]), st.binary()))
blocks = st.builds(Block, texts, small, small, small, columns)


@some
@given(version=st.just(1), seq=small, made=st.lists(blocks, max_size=2))
def test_whatever_a_frame_says_it_is_refused_in_words(
    door: Door, version: int, seq: int, made: list[Block]
) -> None:
    if 1 <= seq <= door.newest():
        return
    code, reason = refused(door, sealed(encode(Frame(version, seq, made))))
    assert code in (Close.FRAME, Close.ROWS, Close.GAP)
    assert reason


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
names = ["applied", "status", "replayed", "view", "ending", "pausing", "ready", "failed", "hello"]
fields = [
    "applied", "control", "who", "at", "status", "run", "parts", "name", "words", "tensors",
]  # fmt: skip
#: What a message of this link might look like; always with a field that no message has.
likenesses = st.builds(
    lambda name, given, more: {"type": name, "riddle": 1} | given | more,
    st.sampled_from(names),
    st.dictionaries(st.sampled_from(fields), json_values),
    st.dictionaries(st.text(), json_values, max_size=2),
).filter(lambda made: "message" not in made)


@some
@given(text=st.text() | json_values.map(json.dumps) | likenesses.map(json.dumps))
def test_text_that_is_no_message_is_refused(door: Door, text: str) -> None:
    code, reason = refused(door, text)
    assert (code, reason.startswith("message: ")) == (Close.MESSAGE, True), reason


@pytest.mark.parametrize(
    "text",
    [
        '{"type": "status", "status": {}}',
        '{"type": "status", "status": {"state": "asleep"}}',
        '{"type": "applied", "applied": {}, "control": {}, "who": "", "at": 0}',
        '{"type": "replayed", "run": "r1", "parts": [{"run": "r1"}]}',
        '{"type": "replayed", "run": "r1", "parts": [], "first": false}',
        '{"type": "view", "name": "usage", "content": {}}',
        "[" * 100_000,
        '{"type": "\\ud800"}',
    ],
)
def test_a_message_that_lacks_what_it_needs_is_refused(door: Door, text: str) -> None:
    assert refused(door, text)[0] == Close.MESSAGE


@some
@given(first=st.text() | st.binary() | json_values.map(json.dumps))
def test_who_does_not_say_hello_is_refused(door: Door, first: str | bytes) -> None:
    with door.knock() as link:
        code, reason = closed(link, first)
    assert (code, reason.startswith("hello: ")) == (Close.MESSAGE, True), reason


def test_a_worker_of_another_version_is_told(door: Door) -> None:
    with door.knock() as link:
        greeting = WorkerHello(link=99, worker=door.worker, pid=1, experiment=door.id)
        code, reason = closed(link, greeting.model_dump_json())
    assert code == Close.VERSION
    assert reason == "link: version 99 is not known here (1 is); install one version on both ends"


def test_a_wrong_token_is_told_and_gets_no_websocket(door: Door) -> None:
    with pytest.raises(InvalidStatus) as turned_away, door.knock("wrong"):
        pass
    response = turned_away.value.response
    assert response.status_code == 403
    assert json.loads(response.body or b"")["error"]["field"] == "token"


def test_a_worker_that_nobody_knows_is_sent_away(door: Door) -> None:
    with door.knock() as link:
        assert closed(link, hello("stranger", "nothing"))[0] == Close.GO_AWAY


@pytest.mark.parametrize("kind", [0x81, 0x82], ids=["text", "bytes"])
def test_a_message_that_is_too_long_is_refused_before_it_comes(door: Door, kind: int) -> None:
    with door.inside() as link:
        # The head of a websocket message (RFC 6455, 5.2), masked; what it announces never follows.
        link.socket.sendall(struct.pack("!BBQI", kind, 0xFF, MAX_MESSAGE + 1, 0))
        code, reason = closed(link)
    assert code == 1009
    assert f"exceeds limit of {MAX_MESSAGE} bytes" in reason


def test_a_worker_that_has_come_back_is_not_lost_with_its_old_connection(door: Door) -> None:
    """A link may hang, and be known to be dead at one end only."""
    with door.inside() as old, door.inside() as new:
        assert closed(old)[0] == Close.REPLACED
        job = door.services.manager.job(door.id)
        assert job is not None
        assert door.call(job.tell(Ack(seq=1)))
        assert Ack.model_validate_json(new.recv(timeout=30)).seq == 1
