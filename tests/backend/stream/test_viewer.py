"""A viewer's queue is bounded: whoever is too slow is caught up, and holds up nobody."""

from __future__ import annotations

import asyncio
import json

from backend.stream.hub import Hub
from backend.stream.viewer import MAX_BYTES, MAX_ITEMS, News, Viewer
from backend.stream.views import Views


async def test_news_come_in_order_once_the_viewer_is_caught_up() -> None:
    viewer = Viewer()
    viewer.put(News(b"a", 1))
    assert await viewer.next() is None
    viewer.behind = False
    viewer.put(News("text"))
    assert (await viewer.next(), await viewer.next()) == (News(b"a", 1), News("text"))


async def test_a_waiting_viewer_is_woken() -> None:
    viewer = Viewer()
    viewer.behind = False
    waiting = asyncio.create_task(viewer.next())
    await asyncio.sleep(0)
    assert not waiting.done()
    viewer.put(News(b"a", 1))
    assert await waiting == News(b"a", 1)


async def test_too_many_or_too_large_news_are_dropped_whole() -> None:
    for count, size in ((MAX_ITEMS + 1, 1), (3, MAX_BYTES // 2)):
        viewer = Viewer()
        viewer.behind = False
        for seq in range(1, count + 1):
            viewer.put(News(b"x" * size, seq))
        assert viewer.behind
        assert await viewer.next() is None
        viewer.behind = False
        viewer.put(News(b"new", 1000))
        assert await viewer.next() == News(b"new", 1000)


async def test_one_slow_viewer_does_not_touch_the_others() -> None:
    hub = Hub()
    slow, quick = hub.join("e"), hub.join("e")
    stranger = hub.join("other")
    slow.behind = quick.behind = stranger.behind = False
    while await quick.next() != News('{"type":"viewers","viewers":2}'):
        pass
    for seq in range(1, 2 * MAX_ITEMS):
        hub.frame("e", seq, b"frame")
        assert await quick.next() == News(b"frame", seq)
    assert slow.behind
    assert not stranger.behind
    hub.leave("e", slow)
    assert (hub.viewers("e"), hub.count) == (1, 2)


async def pictures(hub: Hub, experiment: str) -> list[str]:
    """Names of what somebody who comes now is shown at once."""
    viewer = hub.join(experiment)
    viewer.behind = False
    names = []
    while (message := json.loads((await viewer.next() or News("")).data))["type"] == "view":
        names.append(message["name"])
    hub.leave(experiment, viewer)
    return names


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
