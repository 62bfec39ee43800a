"""A viewer's queue is bounded: whoever is too slow is caught up, and holds up nobody."""

from __future__ import annotations

import asyncio

from backend.stream.hub import Hub
from backend.stream.viewer import MAX_BYTES, MAX_ITEMS, News, Viewer


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
