"""When steps were stored: which frames are noted, what is read, and that it stays."""

from __future__ import annotations

import time
from itertools import pairwise

from backend.store import Store
from backend.store.times import Notes
from tests.backend.store.test_store import experiment, frame


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


async def test_the_newest_step_is_known_at_once_and_stays(store_url: str) -> None:
    store = Store(store_url)
    began = time.time()
    made = experiment()
    await store.create(made, {"runs": []})
    for seq in range(1, 5):
        assert await store.append_frame("e1", frame(seq, 3 * seq - 2))
    assert not await store.append_frame("e1", frame(4, 10)), "it is there already"
    steps, at = await store.times("e1", "r1")
    assert steps[0] == 3, "the first frame is noted"
    assert steps[-1] == 12
    assert began <= at[0] <= at[-1] <= time.time()
    assert await store.times("e1", "r2") == ([], [])

    await store.save(made.model_copy(update={"state": "finished"}))
    assert await store.times("e1", "r1") == (steps, at)
    store.close()
    again = Store(store_url)
    assert await again.times("e1", "r1") == (steps, at)
    again.close()


async def test_a_resumed_experiment_goes_on(store_url: str) -> None:
    store = Store(store_url)
    made = experiment()
    await store.create(made, {"runs": []})
    await store.append_frame("e1", frame(1, 1))
    for _ in range(2):
        await store.save(made.model_copy(update={"state": "finished"}))
    await store.append_frame("e1", frame(2, 4))
    steps, _ = await store.times("e1", "r1")
    assert steps == [3, 6]
    store.close()


def test_notes_become_fewer_as_time_goes_on() -> None:
    clock = Clock()
    notes = Notes(clock)
    noted = []
    for _ in range(30 * 24 * 3600):  # a day with 30 frames a second, of which every thirtieth here
        if notes.due("e1") is not None:
            noted.append(clock.now)
        clock.now += 1 / 30 if clock.now < 1010 else 1
        if clock.now > 1000 + 24 * 3600:
            break
    assert 2000 < len(noted) < 5000
    gaps = [b - a for a, b in pairwise(noted)]
    assert min(gaps) >= 0.25
    assert max(gaps) <= 0.002 * 24 * 3600 + 1


def test_a_clock_that_was_put_back_is_noted() -> None:
    clock = Clock()
    notes = Notes(clock)
    assert notes.due("e1") == 1000
    clock.now = 10
    assert notes.due("e1") == 10
    assert notes.due("e1") is None
