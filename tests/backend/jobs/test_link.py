"""A worker's link against a backend that misbehaves: it goes on, or ends what waits for it."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from backend.jobs.closing import FINAL, Close
from backend.jobs.link import BACKOFF_S, GIVE_UP_S, MOST_REFUSALS, Link
from backend.jobs.messages import LINK_VERSION, Ack, Assign, WorkerHello
from backend.jobs.outbox import LinkBrokenError, LinkGoneError, Outbox
from backend.jobs.seal import opened
from tests.backend.server import until

ASSIGN = Assign(
    experiment="e1", spec={"problem": "beale"}, paused=False, checkpoints=""
).model_dump_json()


@contextmanager
def link_to(
    behave: Callable[[int, ServerConnection], None], give_up: float = GIVE_UP_S
) -> Iterator[tuple[Link, Outbox]]:
    """A link to a backend that calls `behave(n, socket)` at its n-th connection, from 1."""
    count = 0

    def connected(socket: ServerConnection) -> None:
        nonlocal count
        count += 1
        with suppress(ConnectionClosed):
            behave(count, socket)

    with serve(connected, "127.0.0.1", 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        outbox = Outbox()
        port = server.socket.getsockname()[1]

        def hello() -> WorkerHello:
            return WorkerHello(link=LINK_VERSION, worker="w", pid=1, experiment=link.assigned)

        link = Link(f"ws://127.0.0.1:{port}", "token", hello, outbox, give_up)
        link.start()
        try:
            yield link, outbox
        finally:
            link.finish(0)
            server.shutdown()


def test_an_assignment_that_comes_twice_is_taken_once() -> None:
    hellos: list[WorkerHello] = []

    def behave(n: int, socket: ServerConnection) -> None:
        hellos.append(WorkerHello.model_validate_json(socket.recv()))
        if n < 3:  # the link is cut before, then after the assignment
            for _ in range(n):
                socket.send(ASSIGN)
            return
        socket.send(Ack(seq=0).model_dump_json())
        socket.recv()

    with link_to(behave) as (link, _):
        assert link.assignments.get(timeout=30) is not None
        until(lambda: len(hellos) >= 3)
        assert link.assignments.empty()
    assert [hello.experiment for hello in hellos[:3]] == [None, "e1", "e1"]


def test_only_progress_sets_the_wait_between_attempts_back() -> None:
    cut = threading.Event()

    def behave(n: int, socket: ServerConnection) -> None:
        socket.recv()
        socket.send(ASSIGN if n == 1 else Ack(seq=0).model_dump_json())
        if n >= 4:
            cut.wait(30)
            socket.send(Ack(seq=1).model_dump_json())
            socket.recv()
            socket.recv()

    with link_to(behave) as (link, outbox):
        outbox.put_frame(1, b"frame")
        until(lambda: link.delay >= 8 * BACKOFF_S[0])
        cut.set()
        until(lambda: link.delay == BACKOFF_S[0])


def test_a_message_it_does_not_know_makes_it_connect_anew() -> None:
    def behave(n: int, socket: ServerConnection) -> None:
        socket.recv()
        socket.send('{"type": "riddle"}' if n == 1 else ASSIGN)
        socket.recv()

    with link_to(behave) as (link, _):
        assignment = link.assignments.get(timeout=30)
        assert assignment is not None
        assert assignment.experiment == "e1"


def test_a_thread_that_breaks_lets_the_training_end() -> None:
    def behave(_: int, socket: ServerConnection) -> None:
        socket.recv()
        socket.send('{"type": "control", "control": {}, "who": ""}')
        socket.recv()

    def broken(_: object) -> None:
        raise KeyError("kind")

    ended = threading.Event()
    threading.excepthook, hook = lambda _: None, threading.excepthook
    try:
        with link_to(behave) as (link, outbox):
            link.on_shutdown = ended.set
            link.on_control = broken
            assert link.assignments.get(timeout=30) is None
            assert ended.wait(30)
            assert outbox.drain(0)  # closed: nobody waits for it any more
    finally:
        threading.excepthook = hook


def ended(link: Link) -> threading.Event:
    """Set once the training is told to end."""
    event = threading.Event()
    link.on_shutdown = event.set
    return event


def test_what_is_refused_again_and_again_ends_the_training_with_the_reason() -> None:
    refusals: list[str] = []

    def behave(n: int, socket: ServerConnection) -> None:
        socket.recv()
        socket.send(ASSIGN if n == 1 else Ack(seq=0).model_dump_json())
        message = socket.recv()
        if isinstance(message, bytes):
            refusals.append("frame")
            socket.close(Close.ROWS, "frame 1: there is no run 'r9'")
        socket.recv()

    with link_to(behave) as (link, outbox):
        over = ended(link)
        outbox.put_frame(1, b"frame")
        assert over.wait(30)
        assert refusals == ["frame"] * MOST_REFUSALS
        with pytest.raises(LinkBrokenError, match="there is no run 'r9'"):
            outbox.check()


def test_frames_travel_sealed() -> None:
    came: queue.SimpleQueue[bytes | str] = queue.SimpleQueue()

    def behave(_: int, socket: ServerConnection) -> None:
        socket.recv()
        while True:
            came.put(socket.recv())

    with link_to(behave) as (_, outbox):
        outbox.put_frame(1, b"frame")
        message = came.get(timeout=30)
        assert isinstance(message, bytes)
        assert opened(message) == b"frame"


@pytest.mark.parametrize("code", sorted(FINAL))
def test_a_worker_that_is_sent_away_does_not_come_back(code: Close) -> None:
    count: list[int] = []

    def behave(n: int, socket: ServerConnection) -> None:
        count.append(n)
        socket.recv()
        socket.close(code, "not here")

    with link_to(behave) as (link, _):
        assert link.assignments.get(timeout=30) is None
    assert count == [1]


def test_how_long_the_backend_may_be_away_comes_with_the_assignment() -> None:
    gone = threading.Event()

    def behave(n: int, socket: ServerConnection) -> None:
        socket.recv()
        socket.send(ASSIGN.replace('"away_limit":600.0', '"away_limit":0.05'))
        gone.wait(30)

    with link_to(behave) as (link, outbox):
        over = ended(link)
        assert link.assignments.get(timeout=30) is not None
        gone.set()
        assert over.wait(30)
        with pytest.raises(LinkGoneError):
            outbox.put_frame(1, b"frame")


def test_the_end_waits_as_long_as_the_backend_gets_on_with_what_is_left() -> None:
    frames = 8

    def behave(_: int, socket: ServerConnection) -> None:
        socket.recv()
        for seq in range(1, frames + 1):
            socket.recv()
            time.sleep(0.2)
            socket.send(Ack(seq=seq).model_dump_json())
        socket.recv()

    with link_to(behave) as (link, outbox):
        for seq in range(1, frames + 1):
            outbox.put_frame(seq, b"frame")
        link.finish(0.8)
        assert outbox.unstored() == 0
