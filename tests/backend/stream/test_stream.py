"""Hello, history, live: every viewer gets every row once, whenever and however often it comes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from tests.backend.server import PATIENCE, Rows, Server, until

RUNS = ["r1", "r2", "r3", "r4"]


@pytest.fixture(scope="module")
def training(shared_server: Server) -> Iterator[str]:
    id = shared_server.create(problem="beale", steps=1_000_000, speed=150)["id"]
    yield id
    shared_server.control(id, kind="stop")


def hello(viewer: ClientConnection) -> Any:
    message = json.loads(viewer.recv(timeout=PATIENCE))
    assert message["type"] == "hello"
    return message


def closed(viewer: ClientConnection) -> tuple[int, str]:
    """Code and reason of the close, whatever comes before it."""
    try:
        while True:
            viewer.recv(timeout=PATIENCE)
    except ConnectionClosed:
        assert viewer.close_code is not None
        return viewer.close_code, viewer.close_reason or ""


def test_early_late_and_returning_viewers_get_every_row_once(
    shared_server: Server, training: str
) -> None:
    server = shared_server
    early, late, returning = Rows(), Rows(), Rows()
    with server.watch(training) as first:
        assert hello(first)["v"] == 1
        early.read_to(first, 60)
        with server.watch(training) as second:
            hello(second)
            late.read_to(second, 120)
        for _ in range(3):
            with server.watch(training, after=returning.seq) as again:
                assert hello(again)["after"] == returning.seq
                returning.read_to(again, max(returning.steps(), default=0) + 30)
        early.read_to(first, max(late.steps() + returning.steps()))
    for rows in (early, late, returning):
        rows.check_gapless(RUNS, max(rows.steps()))
    for key, row in late.values.items():
        assert repr(early.values[key]) == repr(row)  # NaN is not equal to itself


def test_2000_steps_of_history_come_in_few_frames(server: Server) -> None:
    runs = [{"optimizer": "sgd"}, {"optimizer": "sgd", "drop_rate": 0.5}]
    id = server.create(problem="booth", steps=2000, speed=0, runs=runs)["id"]
    server.state(id, "finished")
    rows, frames = Rows(), 0
    with server.watch(id) as viewer:
        newest = hello(viewer)["seq"]
        while rows.seq < newest:
            message = viewer.recv(timeout=PATIENCE)
            if isinstance(message, bytes):
                frame = rows.add(message)
                frames += 1
                assert len(frame.blocks) == 2
    rows.check_gapless(RUNS[:2], 2000)
    assert frames <= 3
    with server.watch(id, after=newest) as viewer:
        assert hello(viewer)["experiment"]["state"] == "finished"
        # No frame again; a picture of the last step may come.
        first = viewer.recv(timeout=PATIENCE)
        while isinstance(first, str) and json.loads(first)["type"] == "view":
            first = viewer.recv(timeout=PATIENCE)
        assert json.loads(first)["type"] == "viewers"


@pytest.mark.parametrize(
    ("after", "code", "reason"),
    [
        ("-1", 4400, "after: '-1' is not allowed; use a whole number in [0, "),
        ("abc", 4400, "after: 'abc' is not allowed; use a whole number in [0, "),
        ("1e3", 4400, "after: '1e3' is not allowed; use a whole number in [0, "),
        ("9" * 30, 4400, f"after: '{'9' * 20}…' is not allowed; use"),
        ("99999999", 4416, "after: '99999999' is beyond the newest frame; use a number in [0, "),
        ("e1:1", 4409, "after: 'e1:1' is a cursor of another experiment; use one of "),
        ("0&v=2", 4426, "v: '2' is not spoken here; use 1 (reload the page)"),
    ],
)
def test_a_cursor_that_cannot_be_is_refused(
    shared_server: Server, training: str, after: str, code: int, reason: str
) -> None:
    with shared_server.watch(training, after=after) as viewer:
        told = closed(viewer)
    assert (told[0], told[1][: len(reason)]) == (code, reason)


def test_a_cursor_may_name_its_experiment(shared_server: Server, training: str) -> None:
    with shared_server.watch(training, after=f"{training}:1&v=1") as viewer:
        assert hello(viewer)["after"] == 1


def test_an_unknown_experiment_is_told(shared_server: Server) -> None:
    with shared_server.watch("nope") as viewer:
        code, reason = closed(viewer)
    assert code == 4404
    assert "no experiment 'nope'" in reason


@pytest.mark.parametrize(
    ("sent", "code", "reason"),
    [
        ("{", 4400, "message: "),
        ("null", 4400, "message: "),
        ('{"type": "nope"}', 4400, "type: 'nope' is not allowed"),
        ('{"type": "ping", "more": 1}', 4400, "more: 1 is not allowed"),
        ('{"type": "ping", "ключ": "' + "я" * 300 + '"}', 4400, "ключ: "),
        ('{"type": "ping", "v": 2}', 4426, "v: 2 is not spoken here; use 1"),
        ("x" * 70_000, 4413, "message: 70000 characters"),
        (b"\x00\x01", 4400, "message: 2 bytes of binary"),
    ],
)
def test_a_malformed_message_closes_its_viewer_and_no_other(
    shared_server: Server, training: str, sent: str | bytes, code: int, reason: str
) -> None:
    with shared_server.watch(training) as other:
        start = hello(other)["experiment"]["step"]
        with shared_server.watch(training) as viewer:
            hello(viewer)
            viewer.send(sent)
            told = closed(viewer)
        assert (told[0], told[1][: len(reason)]) == (code, reason)
        assert len(told[1].encode()) <= 123
        rows = Rows()
        rows.read_to(other, start + 5)


def test_pictures_go_with_the_process_that_made_them(server: Server) -> None:
    def pictures(id: str) -> set[str]:
        """What somebody who comes now is shown before the number of viewers."""
        names = set()
        with server.watch(id) as viewer:
            while True:
                message = viewer.recv(timeout=PATIENCE)
                told = json.loads(message) if isinstance(message, str) else {"type": "frame"}
                if told["type"] == "viewers":
                    return names
                if told["type"] == "view":
                    names.add(told["name"])

    id = server.create(problem="digits", settings={"width": 8}, steps=50, speed=0)["id"]
    server.state(id, "finished")
    until(lambda: "plane" in pictures(id), what="the plane")
    server.control(id, kind="stop")
    until(lambda: not server.experiment(id)["connected"], what="the end of its worker")
    until(lambda: not pictures(id), what="the end of its pictures")


def test_a_ping_is_answered(shared_server: Server, training: str) -> None:
    with shared_server.watch(training) as viewer:
        viewer.send('{"type": "ping"}')
        while True:
            message = viewer.recv(timeout=PATIENCE)
            if isinstance(message, str) and json.loads(message)["type"] == "pong":
                break


def test_viewers_are_counted_and_see_each_others_controls(server: Server) -> None:
    id = server.create(problem="booth", paused=True)["id"]

    def wait_for(viewer: ClientConnection, kind: str, **parts: Any) -> Any:
        while True:
            message = json.loads(viewer.recv(timeout=PATIENCE))
            if message["type"] == kind and all(message[k] == v for k, v in parts.items()):
                return message

    with server.watch(id) as ann:
        assert hello(ann)["viewers"] == 1
        with server.watch(id) as ben:
            assert hello(ben)["viewers"] == 2
            wait_for(ann, "viewers", viewers=2)
            out = server.control(
                id, kind="set", run="r2", setting="drop_rate", value=0.3, who="ben"
            ).json()
            for viewer in (ann, ben):
                assert wait_for(viewer, "control")["control"] == out
                seen = wait_for(viewer, "experiment")["experiment"]
                assert seen["runs"][1]["drop_rate"] == 0.3
        wait_for(ann, "viewers", viewers=1)
    until(lambda: server.get("/api/health")["viewers"] == 0, what="the leave")
    with server.watch(id) as late:
        assert hello(late)["controls"] == [out]
