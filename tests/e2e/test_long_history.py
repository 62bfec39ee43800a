"""An experiment with a long stored history opens, is zoomed into, scrubbed, and goes on."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Locator, expect

from backend.bench.browser_data import Stored, curves, prepare, streaming
from backend.bench.host import Host
from tests.backend.server import Server, running_server
from tests.e2e.dashboard import Dashboard

pytestmark = pytest.mark.browser
Visit = Callable[..., Dashboard]
STEPS = 150_000


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Stored]]:
    folder: Path = tmp_path_factory.mktemp("long")
    url = f"sqlite:///{folder / 'lrd.sqlite3'}"
    # In a thread without an event loop of its own.
    with ThreadPoolExecutor(1) as pool:
        [stored] = pool.submit(prepare, url, [(3, STEPS)]).result()
    # Nobody gives the experiment up before its job comes.
    with running_server(folder, dashboard=True, return_limit=1000) as server:
        yield server, stored


def cells(table: Locator, run: str) -> list[str]:
    """What the table beside the pointer says of a run."""
    row = table.locator("tr", has=table.page.locator("td.name", has_text=re.compile(f"^{run}$")))
    return row.locator("td.value").all_inner_texts()


def title(table: Locator) -> str:
    return re.sub(r"\s", "", table.locator(".title").inner_text())


def test_a_long_history_opens_zooms_to_its_rows_and_goes_on(
    long: tuple[Server, Stored], visit: Visit
) -> None:
    server, stored = long
    token = (server.folder / "worker.token").read_text(encoding="ascii").strip()
    page = visit(server, f"/train?experiment={stored.id}")
    page.page.wait_for_function(
        "([e, n]) => e.__lrd.count('r3', 'loss') > n",
        arg=[page["workbench"].element_handle(), 400],
    )
    held = page["workbench"].evaluate("e => e.__lrd.count('r3', 'loss')")
    assert held < 10_000
    # A point of the whole stands for many rows, and says so.
    wide = page.hover("loss", 0.2)
    expect(wide.locator(".title")).to_have_text(re.compile(r"steps .*–.*min…max"))
    first, last = map(int, re.findall(r"(\d+)–(\d+)", title(wide))[0])
    low, high = map(float, cells(wide, "run 2")[0].split("…"))
    rows = _losses(1, first, last)
    assert first <= 0.2 * 2 * STEPS + STEPS * 0.02
    assert low == pytest.approx(rows.min(), rel=0.01)
    assert high == pytest.approx(rows.max(), rel=0.01)

    # Zoomed in, it is the rows themselves.
    box = page.plot("loss")
    for _ in range(3):
        page.page.mouse.move(box["x"] + 0.20 * box["width"], box["y"] + 60)
        page.page.mouse.down()
        page.page.mouse.move(box["x"] + 0.24 * box["width"], box["y"] + 60, steps=3)
        page.page.mouse.up()
        page.page.mouse.move(box["x"] + 0.22 * box["width"], box["y"] + 60)
    table = page.hover("loss", 0.5)
    expect(table.locator(".title")).to_have_text(re.compile(r"^step [\d\s]+$"))
    step = page.hovered("loss", 0.5)
    [value, *_] = cells(table, "run 2")
    assert float(value) == pytest.approx(_losses(1, step, step)[0], rel=0.01)

    # Scrubbed to, a step's numbers are those of its rows.
    slider = page["history-bar"].get_by_role("slider")
    slider.press("Home")
    for _ in range(3):
        slider.press("PageUp")
    expect(page["step"]).to_have_text("61")
    exact = "e => { const r = e.__lrd.rows('r2', 'loss'); return r.values[r.steps.indexOf(61)]; }"
    page.page.wait_for_function(
        "e => e.__lrd.rows('r2', 'loss').steps.includes(60)",
        arg=page["workbench"].element_handle(),
    )
    assert page["workbench"].evaluate(exact) == _losses(1, 61, 61)[0]
    page.page.keyboard.press("Escape")

    # Live rows follow, each once.
    host = Host(server.port, token, server.process.pid)
    with streaming(host, stored, 60):
        page.wait_rows("r3", STEPS + 100)
    live = {step: value for step, value in page.rows("r3").items() if step > STEPS}
    assert list(live)[:100] == list(range(STEPS + 1, STEPS + 101))
    assert live[STEPS + 50] == _losses(2, STEPS + 50, STEPS + 50)[0]


def _losses(run: int, first: int, last: int) -> np.ndarray:
    """The rows of steps `first` to `last` as they were stored, (rows,)."""
    return curves(run, np.arange(first, last + 1, dtype=float))["loss"]
