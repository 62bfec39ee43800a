"""The browser's benchmark: what it needs, what it counts, and that its data are what it says."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backend.bench import browser_page
from backend.bench.browser_data import FRAME_ROWS, prepare
from backend.bench.curves import curves
from backend.store import Store
from lrd_core.settings import SettingError


@pytest.mark.parametrize(
    ("missing", "field", "mend"),
    [
        ("find_spec", "playwright", "pip install playwright"),
        ("executable", "chromium", "apt-get install chromium"),
    ],
)
def test_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, missing: str, field: str, mend: str
) -> None:
    monkeypatch.setattr(browser_page, missing, lambda *_: None)
    with pytest.raises(SettingError, match=mend) as found:
        browser_page.require()
    assert found.value.field == field


def test_work_is_that_of_the_pages_thread_between_two_frames() -> None:
    def event(name: str, ts: float, dur: float = 0, tid: int = 1) -> dict[str, Any]:
        return {"name": name, "pid": 7, "tid": tid, "ts": ts, "dur": dur}

    events = [event("FireAnimationFrame", at) for at in (1000, 17_000, 34_000)]
    events += [
        event("RunTask", 500, 4000),
        event("RunTask", 9000, 2000),
        event("RunTask", 16_500, 8000),
        event("RunTask", 10_000, 9000, tid=2),
        event("RunTask", 40_000, 5000),
    ]
    assert browser_page.busy_between(events) == [6.0, 8.0]
    assert browser_page.busy_between([]) == []


async def test_its_experiment_is_in_the_store_as_it_says(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'lrd.sqlite3'}"
    steps = FRAME_ROWS + 50
    [stored] = await asyncio.to_thread(prepare, url, [(2, steps)])
    assert (stored.frames, stored.runs) == (2, 2)
    store = Store(url)
    found = await store.read(stored.id, "r2", {"loss", "test_loss"})
    assert await store.newest(stored.id) == stored.frames
    store.close()
    expected = curves(1, np.arange(1, steps + 1, dtype=float))["loss"]
    assert np.array_equal(found["loss"].values, expected)  # type: ignore[union-attr]
    assert found["test_loss"].steps[-1] == steps // 25 * 25  # type: ignore[union-attr]
