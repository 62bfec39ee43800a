"""What a worker has told is kept until it is stored."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.jobs.messages import FAILED
from backend.jobs.outbox import MOST_UNPACKED, MOST_VIEWS, LinkBrokenError, LinkGoneError, Outbox
from backend.jobs.spill import Spill


def drained(outbox: Outbox) -> list[bytes | str]:
    messages = []
    while (message := outbox.take(0)) is not None:
        messages.append(message)
    return messages


def filled() -> Outbox:
    outbox = Outbox()
    outbox.put_ready("ready")
    for seq in (1, 2, 3):
        outbox.put_frame(seq, b"frame %d" % seq)
    outbox.put_applied("c1", "applied c1")
    outbox.put_status("status 1")
    outbox.put_status("status 2")
    return outbox


def test_messages_go_out_in_order() -> None:
    assert drained(filled()) == [
        "ready", b"frame 1", b"frame 2", b"frame 3", "applied c1", "status 1", "status 2",
    ]  # fmt: skip


def test_after_a_reconnect_all_that_is_not_stored_is_sent_again() -> None:
    outbox = filled()
    drained(outbox)
    outbox.ack(1)
    outbox.restart(2)
    assert drained(outbox) == [b"frame 3", "ready", "applied c1", "status 2"]
    outbox.stored("c1")
    outbox.restart(3)
    assert drained(outbox) == ["ready", "status 2"]
    assert outbox.drain(0)


def test_a_change_is_told_before_the_steps_that_use_it_after_a_reconnect_as_well() -> None:
    outbox = Outbox()
    outbox.put_frame(1, b"before")
    outbox.put_applied("c1", "change")
    outbox.put_frame(2, b"after")
    outbox.put_applied("c2", "later change")
    outbox.restart(0)
    assert drained(outbox) == [b"before", "change", b"after", "later change"]
    outbox.restart(1)
    assert drained(outbox) == ["change", b"after", "later change"]


def test_an_answer_of_several_messages_is_one_until_it_is_stored() -> None:
    outbox = Outbox()
    outbox.put_applied("c1", "first", "last")
    outbox.put_frame(1, b"after")
    assert drained(outbox) == ["first", "last", b"after"]
    outbox.restart(0)
    assert drained(outbox) == ["first", "last", b"after"]
    outbox.restart(1)
    assert drained(outbox) == ["first", "last"]
    outbox.stored("c1")
    assert outbox.drain(0)


def test_draining_waits_for_what_is_not_stored() -> None:
    outbox = filled()
    drained(outbox)
    assert not outbox.drain(0)
    outbox.ack(3)
    assert not outbox.drain(0)
    outbox.stored("c1")
    assert outbox.drain(0)


def test_the_loop_waits_when_too_much_is_not_stored() -> None:
    outbox = Outbox(limit=10)
    outbox.put_frame(1, b"x" * 10)
    through = threading.Event()

    def train() -> None:
        outbox.put_frame(2, b"y")
        through.set()

    thread = threading.Thread(target=train)
    thread.start()
    assert drained(outbox) == [b"x" * 10]
    assert outbox.seq == 1
    outbox.ack(1)
    assert through.wait(10)
    thread.join()
    assert drained(outbox) == [b"y"]


def test_without_a_backend_the_loop_is_told() -> None:
    outbox = Outbox(limit=1)
    outbox.put_frame(1, b"x")
    outbox.close()
    with pytest.raises(LinkGoneError):
        outbox.put_frame(2, b"y")


def test_draining_ends_when_the_last_message_is_taken() -> None:
    outbox = Outbox()
    outbox.put_status("status")
    drained_in_time: list[bool] = []
    thread = threading.Thread(target=lambda: drained_in_time.append(outbox.drain(None)))
    thread.start()
    assert outbox.take(0) == "status"
    thread.join(10)
    assert drained_in_time == [True]


class Backend:
    """The other end, as the contract has it: takes every frame once, in order, and acknowledges."""

    def __init__(self, outbox: Outbox) -> None:
        self.outbox = outbox
        self.frames: list[bytes] = []
        self.answers: list[str] = []

    def take(self, most: int) -> None:
        """Store up to `most` messages; nothing is acknowledged."""
        for _ in range(most):
            message = self.outbox.take(0)
            if message is None:
                return
            if isinstance(message, str):
                # What is recorded never follows a change that is not.
                assert len(self.frames) >= int(message.split()[-1])
                self.answers.append(message)
                continue
            number = int(message.split()[1])
            if number == len(self.frames) + 1:
                self.frames.append(message)
            assert number <= len(self.frames), "a gap"

    def acknowledge(self, unheard: int) -> None:
        self.outbox.ack(max(0, len(self.frames) - unheard))

    def cut(self) -> None:
        self.outbox.lost()
        self.outbox.restart(len(self.frames))


acts = st.lists(
    st.tuples(st.just("put"), st.integers(1, 5))
    | st.tuples(st.just("take"), st.integers(1, 8))
    | st.tuples(st.just("ack"), st.integers(0, 3))
    | st.tuples(st.sampled_from(["cut", "answer"]), st.just(0)),
    max_size=60,
)


@given(acts=acts, limit=st.integers(1, 60))
def test_whatever_happens_every_frame_arrives_once_and_in_order(
    tmp_path_factory: pytest.TempPathFactory, acts: list[tuple[str, int]], limit: int
) -> None:
    outbox = Outbox()
    outbox.begin(0, limit, Spill(tmp_path_factory.getbasetemp(), 10_000))
    backend = Backend(outbox)
    made, asked = 0, 0
    for act, number in acts:
        if act == "put":
            for _ in range(number):
                made += 1
                outbox.put_frame(made, b"frame %d" % made)
        elif act == "answer":
            asked += 1
            outbox.put_applied(f"c{asked}", f"answer {asked} after {made}")
        elif act == "take":
            backend.take(number)
        elif act == "ack":
            backend.acknowledge(number)
        else:
            backend.cut()
    while len(backend.frames) < made:
        backend.take(1000)
        backend.acknowledge(0)
    backend.take(1000)
    backend.acknowledge(0)
    assert backend.frames == [b"frame %d" % n for n in range(1, made + 1)]
    assert {f"answer {n}" for n in range(1, asked + 1)} == {
        answer.split(" after")[0] for answer in backend.answers
    }
    for n in range(1, asked + 1):
        outbox.stored(f"c{n}")
    assert outbox.drain(0)


def test_what_memory_does_not_hold_is_spilled_and_comes_in_its_place(tmp_path: Path) -> None:
    outbox = Outbox(limit=10, spill=Spill(tmp_path, 1000))
    outbox.put_frame(1, b"x" * 10)
    outbox.put_frame(2, b"spilled")
    outbox.put_applied("c1", "change")
    outbox.put_frame(3, b"after")
    assert drained(outbox) == [b"x" * 10]  # there is no room for the next before it is stored
    outbox.ack(1)
    assert drained(outbox) == [b"spilled", "change", b"after"]
    outbox.restart(1)
    assert drained(outbox) == [b"spilled", "change", b"after"]


def test_the_loop_waits_when_the_disk_is_full_as_well(tmp_path: Path) -> None:
    outbox = Outbox(limit=1, spill=Spill(tmp_path, 20))
    outbox.put_frame(1, b"memory")
    outbox.put_frame(2, b"disk")
    through = threading.Event()

    def train() -> None:
        outbox.put_frame(3, b"too much")
        through.set()

    thread = threading.Thread(target=train)
    thread.start()
    assert drained(outbox) == [b"memory"]
    outbox.ack(1)
    assert drained(outbox)[:1] == [b"disk"]
    outbox.ack(2)
    assert through.wait(10)
    thread.join()


class Frames:
    """Frames that note when they are packed."""

    def __init__(self) -> None:
        self.packed: list[int] = []

    def made(self, seq: int) -> Callable[[], bytes]:
        def pack() -> bytes:
            self.packed.append(seq)
            return b"frame %d" % seq

        return pack


def test_a_frame_is_packed_once_by_who_sends_it() -> None:
    outbox, frames = Outbox(), Frames()
    for seq in (1, 2):
        outbox.put_frame(seq, frames.made(seq))
    assert frames.packed == []
    assert outbox.take(0) == b"frame 1"
    assert frames.packed == [1]
    outbox.restart(0)
    assert drained(outbox) == [b"frame 1", b"frame 2"]
    assert frames.packed == [1, 2]
    assert outbox.ack(2)
    assert outbox.drain(0)


def test_few_frames_wait_unpacked_and_none_without_a_link(tmp_path: Path) -> None:
    outbox, frames = Outbox(limit=12, spill=Spill(tmp_path, 1000)), Frames()
    for seq in range(1, MOST_UNPACKED + 2):
        outbox.put_frame(seq, frames.made(seq))
    assert frames.packed == [MOST_UNPACKED + 1]
    outbox.lost()
    # What is packed counts: the second is more than memory may hold.
    for seq in (MOST_UNPACKED + 2, MOST_UNPACKED + 3):
        outbox.put_frame(seq, frames.made(seq))
    assert frames.packed == [MOST_UNPACKED + n for n in (1, 2, 3)]
    outbox.restart(0)
    sent = []
    for seq in range(1, MOST_UNPACKED + 4):
        sent += drained(outbox)
        outbox.ack(seq)
    assert sent == [b"frame %d" % seq for seq in range(1, MOST_UNPACKED + 4)]
    assert sorted(frames.packed) == list(range(1, MOST_UNPACKED + 4))


def test_a_frame_that_cannot_be_packed_ends_the_training_with_the_cause() -> None:
    def broken() -> bytes:
        raise ValueError("a column of words")

    outbox = Outbox()
    outbox.put_frame(1, broken)
    assert outbox.take(0) is None
    with pytest.raises(LinkBrokenError, match="frame 1 cannot be packed: ValueError: a column of"):
        outbox.put_frame(2, b"frame 2")


def test_what_is_left_is_packed_before_the_end() -> None:
    outbox, frames = Outbox(), Frames()
    outbox.put_frame(1, frames.made(1))
    outbox.pack()
    assert frames.packed == [1]
    assert drained(outbox) == [b"frame 1"]
    assert frames.packed == [1]

    def broken() -> bytes:
        raise ValueError("a column of words")

    outbox.put_frame(2, broken)
    with pytest.raises(ValueError, match="a column of words"):
        outbox.pack()


def test_without_a_connection_only_what_is_kept_piles_up() -> None:
    outbox = filled()
    outbox.lost()
    for number in range(1000):
        outbox.put_status(f"status {number}")
        outbox.put_view(f"view {number}")
    assert outbox.take(0) is None
    outbox.restart(3)
    assert drained(outbox) == ["ready", "applied c1", "status 999"]


def test_pictures_wait_for_everything_else_and_the_newest_are_kept() -> None:
    outbox = Outbox()
    for number in range(MOST_VIEWS + 1):
        outbox.put_view(f"view {number}")
    outbox.put_frame(1, b"frame")
    assert drained(outbox) == [b"frame", *(f"view {n}" for n in range(1, MOST_VIEWS + 1))]


def test_a_store_that_has_lost_rows_ends_the_training() -> None:
    outbox = filled()
    outbox.ack(3)
    outbox.restart(2)
    with pytest.raises(LinkBrokenError, match="frame 3 was acknowledged, and its newest is 2"):
        outbox.put_frame(4, b"frame 4")
    outbox.put_applied(FAILED, "why")
    assert drained(outbox)[-1] == "why"  # which can still be told
    outbox.stored(FAILED)
    assert outbox.drain(0)
