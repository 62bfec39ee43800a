"""Beside the peers, in one run, with the same curves: TensorBoard, trackio, plain Streamlit."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from subprocess import CalledProcessError
from typing import Any

from backend.bench import browser_page as browser
from backend.bench import peers_ours, peers_page, peers_tools
from backend.bench.host import folder
from backend.bench.peers_plan import FEW, POINTS, REST_S, RUNS, SHORT, Plan, best, calls, keys, told
from backend.bench.peers_tools import PYTHON, Streaming, Tool

OURS = "lrd"


def measure(short: bool = False) -> dict[str, Any]:
    """The figures of each tool by name, one tool after the other.

    ``open_2k_s``, ``open_100k_s``: from the navigation, nothing cached, until the loss of 20 runs
    is drawn (``…_points``: of the longest line). ``latency_p50_ms``, ``_p95_``: one run, 10 steps a
    second, from the log call until the page has drawn the step. ``frames_per_s``,
    ``longest_gap_ms``: animation frames while 20 runs stream, 10 steps a second.
    ``log_call_p50_us``, ``_p99_``, ``_mean_``: of one run's three values in the training process,
    20 runs. A figure that could not be had is null, and ``why`` says why; ``best`` names the best
    of each row; ``missing`` what was left out. `short`: 20,000 steps for 100,000, fewer rounds.

    Raises:
        SettingError: Playwright, a Chromium or the Python that ``LRD_PEERS_PYTHON`` names is
            missing.
    """
    browser.require()
    plan = SHORT if short else Plan()
    tools = peers_tools.tools()
    versions = {name: peers_tools.version(name, tool.python) for name, tool in tools.items()}
    missing = {
        name: f"not installed: {tools[name].python} -m pip install {name}, or name the Python that"
        f" has it with {PYTHON}"
        for name, found in versions.items()
        if found is None
    }
    for name, reason in missing.items():
        sys.stderr.write(f"{name}: {reason}\n")
    found = {OURS: peers_ours.measure(plan)}
    sys.stderr.write(f"{OURS}: {found[OURS]}\n")
    for name, tool in tools.items():
        if name not in missing:
            found[name] = _of(tool, plan)
            sys.stderr.write(f"{name}: {found[name]}\n")
    rows = keys(plan)
    return {
        "runs": RUNS,
        "versions": {name: one for name, one in versions.items() if one is not None},
        "missing": missing,
        "table": {row: {name: one.get(row) for name, one in found.items()} for row in rows},
        "best": best(rows, found),
        **found,
    }


def _of(tool: Tool, plan: Plan) -> dict[str, Any]:
    with folder() as place, browser.browsing() as chromium:
        one = _Measured(tool, plan, place, chromium)
        one.take("opening", one.opening)
        one.take("latency", one.latency)
        one.take("log_call", one.log_call)
    rows = dict.fromkeys(keys(plan))
    return rows | one.found | ({"why": one.why} if one.why else {})


class _Measured:
    """One tool; what fails is told in `why`, and the rest goes on."""

    def __init__(self, tool: Tool, plan: Plan, place: Path, chromium: Any) -> None:
        self.found: dict[str, Any] = {}
        self.why: dict[str, str] = {}
        self._tool, self._plan, self._place, self._chromium = tool, plan, place, chromium

    def take(self, name: str, work: Callable[[], object]) -> None:
        from playwright.sync_api import Error

        try:
            work()
        except (Error, RuntimeError, CalledProcessError) as error:
            self.why[name] = str(error).splitlines()[0]

    @contextmanager
    def _served(self, name: str, runs: int, steps: int) -> Iterator[tuple[str, Path]]:
        place = self._place / name
        self._tool.fill(place, runs, steps)
        with peers_tools.serving(self._tool, place, runs, steps) as url:
            yield url, place

    @contextmanager
    def _page(self) -> Iterator[Any]:
        with self._chromium.new_page(viewport=browser.SIZE) as page:
            page.add_init_script(self._tool.script)
            yield page

    def _opened(self, url: str, place: Path) -> tuple[float, int]:
        with self._page() as page:
            address = url + self._tool.path.format(place.name)
            return peers_page.opened(page, address, RUNS, POINTS, self._plan.limit_s)

    def opening(self) -> None:
        """The pages of stored runs, and the frames while they go on."""
        few, *more = self._plan.sizes
        with self._served("few", RUNS, few) as (url, place):
            # The first one of all also waits for what the server loads once.
            self.take("opening", lambda: self._opened(url, place))
            self.take("opening", lambda: self._rounds(url, place, few, self._plan.rounds))
            self.take("frames", lambda: self._frames(url, place, few))
        for steps in more:
            self.take(f"open_{steps // 1000}k", partial(self._many, steps))

    def _many(self, steps: int) -> None:
        with self._served("many", RUNS, steps) as (url, place):
            self._rounds(url, place, steps, 1)

    def _rounds(self, url: str, place: Path, steps: int, times: int) -> None:
        rounds = [self._opened(url, place) for _ in range(times)]
        seconds, points = zip(*rounds, strict=True)
        self.found |= self._plan.opening(steps, seconds, points)

    def _streamed(
        self, url: str, place: Path, runs: int, steps: int, work: Callable[[Any], None]
    ) -> dict[int, float]:
        """A page that is open while steps are logged; when each was."""
        with self._page() as page:
            points = min(POINTS, steps)
            address = url + self._tool.live.format(place.name)
            peers_page.opened(page, address, runs, points, self._plan.limit_s)
            page.wait_for_timeout(REST_S * 1000)
            logging = Streaming(self._tool, place, runs, steps + 1, self._plan.pause_s)
            try:
                work(page)
            finally:
                logged = logging.end()
        return logged

    def _frames(self, url: str, place: Path, steps: int) -> None:
        def watch(page: Any) -> None:
            seconds = max(self._plan.frames_s, self._tool.period_s + 3)
            self.found |= peers_page.pace(peers_page.frames(page, seconds))

        self._streamed(url, place, RUNS, steps, watch)

    def latency(self) -> None:
        seen: list[tuple[float, int]] = []

        def watch(page: Any) -> None:
            seconds = self._plan.seconds(self._tool.period_s)
            page.wait_for_timeout(seconds * 1000)
            seen.extend(peers_page.shown(page))

        with self._served("one", 1, FEW) as (url, place):
            logged = self._streamed(url, place, 1, FEW, watch)
        waits = peers_page.latencies(logged, seen)
        self.found |= told("latency", "ms", waits, (50, 95))
        if not waits.size:
            self.why["latency"] = "no new step came to the page"

    def log_call(self) -> None:
        plan = self._plan
        place = self._place / "cost"
        waits = peers_tools.log_cost(self._tool, place, RUNS, plan.calls, plan.pause_cost_s)
        self.found |= calls(waits)
