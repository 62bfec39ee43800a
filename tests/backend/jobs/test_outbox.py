"""What a worker has told is kept until it is stored."""

from __future__ import annotations

import threading

import pytest

from backend.jobs.outbox import LinkGoneError, Outbox


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
