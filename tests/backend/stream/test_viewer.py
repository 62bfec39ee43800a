"""A viewer's queue is bounded: whoever is too slow is caught up, and holds up nobody."""

from __future__ import annotations

import asyncio
import json

from backend.stream.hub import COUNT_S, Hub
from backend.stream.viewer import MAX_BYTES, MAX_ITEMS, News, Viewer
from backend.stream.views import Views
from backend.stream.wire import Wire, message


class FakeWire(Wire):
    """A connection whose other end reads only while it is `open`."""

    def __init__(self) -> None:
        self.open = True
        self.got: list[bytes] = []

    def write(self, message: bytes) -> bool:
        if self.open:
            self.got.append(message)
        return self.open

    @property
    def waiting(self) -> int:
        return 0


def live(limit: int = MAX_BYTES, wire: Wire | None = None) -> Viewer:
    """A viewer that has everything up to now."""
    viewer = Viewer(limit, wire)
    assert viewer.caught_up()
    return viewer


def drain(viewer: Viewer) -> list[News]:
    """What waits, in its order."""
    found = []
    while (news := viewer.first()) is not None:
        viewer.sent(news)
        found.append(news)
    return found


async def test_frames_wait_in_the_store_for_a_viewer_that_is_behind_news_in_its_queue() -> None:
    viewer = Viewer()
    viewer.put(News(b"a", 1))
    viewer.put(News("text", key="experiment"))
    assert await viewer.next() is None
    assert (drain(viewer), viewer.lag) == ([News("text", key="experiment")], 1)
    assert not viewer.caught_up()
    viewer.cursor = 1  # frame 1 came from the store
    assert viewer.caught_up()
    viewer.put(News(b"b", 2))
    viewer.put(News("text", key="viewers"))
    assert drain(viewer) == [News(b"b", 2), News("text", key="viewers")]
    assert (viewer.cursor, viewer.lag) == (2, 0)


async def test_a_waiting_viewer_is_woken() -> None:
    viewer = live()
    waiting = asyncio.create_task(viewer.next())
    await asyncio.sleep(0)
    assert not waiting.done()
    viewer.put(News(b"a", 1))
    assert await waiting == News(b"a", 1)


async def test_of_what_has_a_state_only_the_newest_waits_controls_all_do() -> None:
    viewer = live()
    for number in range(3):
        viewer.put(News(f"viewers {number}", key="viewers"))
        viewer.put(News(f"control {number}", key=f"c{number}"))
    assert [news.data for news in drain(viewer)] == [
        "control 0", "control 1", "viewers 2", "control 2",
    ]  # fmt: skip
    assert viewer.bytes == 0


async def test_too_many_or_too_large_news_are_dropped_whole() -> None:
    for count, size in ((MAX_ITEMS + 1, 1), (3, MAX_BYTES // 2)):
        viewer = live()
        for seq in range(1, count + 1):
            viewer.put(News(b"x" * size, seq))
        assert await viewer.next() is None
        assert (viewer.items, viewer.bytes, viewer.falls) == (0, 0, 1)
        viewer.restart()
        viewer.cursor = count
        assert viewer.caught_up()
        viewer.put(News(b"new", count + 1))
        assert await viewer.next() == News(b"new", count + 1)


async def test_a_missing_frame_comes_from_the_store() -> None:
    viewer = live()
    viewer.put(News(b"b", 2))
    assert await viewer.next() is None


async def test_what_is_dropped_while_it_is_caught_up_is_told_anew() -> None:
    viewer = Viewer()
    viewer.restart()
    for number in range(MAX_ITEMS + 1):
        viewer.put(News("control", key=f"c{number}"))
    assert viewer.lost


async def test_the_hub_writes_to_who_keeps_up_and_queues_for_who_does_not() -> None:
    wire = FakeWire()
    viewer = live(wire=wire)
    assert viewer.put(News(b"a", 1))
    wire.open = False
    assert not viewer.put(News(b"b", 2))
    wire.open = True
    assert not viewer.put(News(b"c", 3)), "nothing may overtake what waits"
    assert not viewer.put(News(b"a", 1)), "it has come"
    assert drain(viewer) == [News(b"b", 2), News(b"c", 3)]
    assert viewer.put(News("text", key="viewers"))
    assert wire.got == [b"\x82\x01a", b"\x81\x04text"]
    assert (viewer.cursor, viewer.lag) == (3, 0)


async def test_one_slow_viewer_does_not_touch_the_others() -> None:
    hub, wire = Hub(), FakeWire()
    slow, quick = hub.join("e"), hub.join("e", wire)
    stranger = hub.join("other")
    for viewer in (slow, quick, stranger):
        assert viewer.caught_up()
    for seq in range(1, 2 * MAX_ITEMS):
        hub.frame("e", seq, b"frame")
        await asyncio.sleep(0)
    assert wire.got[:2] == [b"\x82\x05frame"] * 2
    assert (quick.cursor, quick.items, slow.items) == (2 * MAX_ITEMS - 1, 0, 0)
    assert slow.behind
    assert not stranger.behind
    hub.leave("e", slow)
    assert (hub.viewers("e"), hub.count) == (1, 2)


async def test_a_crowd_is_told_its_number_once() -> None:
    hub, wire = Hub(), FakeWire()
    viewers = [hub.join("e", wire) for _ in range(100)]
    assert all(viewer.caught_up() for viewer in viewers)
    await asyncio.sleep(2 * COUNT_S)
    assert wire.got == [message('{"type":"viewers","viewers":100}')] * 100


async def pictures(hub: Hub, experiment: str) -> list[str]:
    """Names of what somebody who comes now is shown at once."""
    viewer = hub.join(experiment)
    told = [json.loads(news.data) for news in drain(viewer)]
    hub.leave(experiment, viewer)
    return [message["name"] for message in told if message["type"] == "view"]


async def test_pictures_of_an_ended_experiment_go_when_nobody_looks_any_more() -> None:
    hub = Hub()
    for experiment in ("watched", "alone", "trains"):
        hub.view(experiment, "plane", {"map": []})
    last = hub.join("watched")
    hub.ended("watched")
    hub.ended("alone")
    assert [await pictures(hub, name) for name in ("watched", "alone", "trains")] == [
        ["plane"], [], ["plane"],
    ]  # fmt: skip
    hub.leave("watched", last)
    assert await pictures(hub, "watched") == []
    hub.view("watched", "plane", {"map": []})  # it trains again
    assert await pictures(hub, "watched") == ["plane"]
    assert await pictures(hub, "watched") == ["plane"]


def test_pictures_that_have_not_changed_for_longest_go_first() -> None:
    views = Views(limit=10)
    views.put("a", "plane", "a" * 4)
    views.put("b", "plane", "b" * 4)
    views.put("a", "plane", "A" * 2)
    views.put("a", "contour", "c" * 4)
    assert views.bytes == 10
    views.put("c", "plane", "c")
    assert [views.of(name) for name in "abc"] == [["AA", "cccc"], [], ["c"]]
    assert views.bytes == 7
    views.put("d", "plane", "d" * 11)  # too large for all of it
    assert [views.of(name) for name in "abcd"] == [[], [], [], []]
    assert views.bytes == 0
