"""The dashboard in a browser: frames, main thread, opening, latency, memory.

A real server and a headless Chromium that draws without a GPU, on this machine's processors.
"""

from __future__ import annotations

import statistics
import sys
import time
from contextlib import ExitStack
from typing import Any

import numpy as np

from backend.bench import browser_page as browser
from backend.bench.browser_data import Stored, names, prepare, streaming
from backend.bench.host import Host, folder, serving, store_url

RUNS, FEW = 20, 4
STEPS, SHORT_STEPS = 1_000_000, 250_000
#: Frames of rows that a job sends.
PACE = 30.0
#: A line is complete from so many points on: the overview of a long past has a thousand.
POINTS = 400
#: Seconds until a page that was opened is at rest.
REST_S = 3.0
STARTS = 3
MEMORY_S, SHORT_MEMORY_S = 1800.0, 180.0
#: What a page holds grows until its first fold of rows; that is not growth over time.
WARM_UP_S = 60.0
SLIDES = 150


def measure(short: bool = False) -> dict[str, float]:
    """The figures.

    ``frames_per_s`` and ``main_thread_p95_ms`` (work between two animation frames): the Train page
    with all charts, 20 runs of 1 M steps in view, while 30 frames of rows a second arrive.
    ``open_s``: in an open page, from asking for that experiment until the loss of all runs is
    drawn, the median of three. ``step_to_pixel_p99_ms``: from a row's making to the painted frame,
    20 runs; ``…_4`` with 4. ``basin_frames_per_s``: pictures of 128 x 128 starts x 500 steps
    while a drop rate moves. ``first_frame_s``: a browser that has cached nothing, until the loss
    is drawn. ``memory_growth``: what scripts hold after 30 minutes of the first over what they
    held after one. `short`: 250,000 steps and 3 minutes.

    Raises:
        SettingError: Playwright or a Chromium is missing.
    """
    browser.require()
    steps = SHORT_STEPS if short else STEPS
    with ExitStack() as stack:
        place = stack.enter_context(folder())
        many, few = prepare(store_url(place), [(RUNS, steps), (FEW, steps)])
        # The experiments have no process until their job comes: nobody gives them up.
        host = stack.enter_context(serving(place, dashboard=True, return_limit=100_000))
        host.rest()
        result: dict[str, float] = {"steps": steps}
        result |= _first_frame(host, few)
        result |= _basins(host)
        with streaming(host, few, PACE):
            result |= _latency(host, few)
        result |= _opening(host, few, many)
        with streaming(host, many, PACE):
            result |= _streaming(host, many, SHORT_MEMORY_S if short else MEMORY_S)
    return result


def _said(result: dict[str, float]) -> dict[str, float]:
    sys.stderr.write(f"{result}\n")
    return result


def _path(stored: Stored) -> str:
    return f"/train?experiment={stored.id}"


def _opened(page: Any, host: Host, stored: Stored) -> None:
    page.goto(host.url + _path(stored))
    browser.complete(page, stored.id, names(stored.runs), POINTS)
    page.wait_for_timeout(REST_S * 1000)


def _first_frame(host: Host, stored: Stored) -> dict[str, float]:
    seconds = []
    # The first one of all also waits for what the server loads once.
    for _ in range(STARTS + 1):
        with browser.browsing() as chromium:
            page = chromium.new_page(viewport=browser.SIZE)
            began = time.perf_counter()
            page.goto(host.url + _path(stored), wait_until="commit")
            browser.complete(page, stored.id, names(stored.runs), POINTS)
            seconds.append(time.perf_counter() - began)
    return _said({"first_frame_s": round(statistics.median(seconds[1:]), 3)})


def _opening(host: Host, before: Stored, stored: Stored) -> dict[str, float]:
    with browser.browsing() as chromium:
        page = chromium.new_page(viewport=browser.SIZE)
        seconds = []
        for _ in range(STARTS):
            _opened(page, host, before)
            seconds.append(_turned(page, stored))
    return _said({"open_s": round(statistics.median(seconds), 3)})


def _turned(page: Any, stored: Stored) -> float:
    return browser.turned(page, _path(stored), stored.id, names(stored.runs), POINTS)


def _latency(host: Host, stored: Stored) -> dict[str, float]:
    with browser.browsing() as chromium:
        page = chromium.new_page(viewport=browser.SIZE)
        _opened(page, host, stored)
        browser.settle(page)
        _, waits = browser.watched(page, 10.0)
    return _said({"step_to_pixel_p99_ms_4": round(float(np.percentile(waits, 99)), 1)})


def _streaming(host: Host, stored: Stored, seconds: float) -> dict[str, float]:
    with browser.browsing() as chromium:
        page = chromium.new_page(viewport=browser.SIZE)
        _opened(page, host, stored)
        browser.settle(page)
        rate, waits = browser.watched(page, 10.0)
        result = {
            "frames_per_s": round(rate, 1),
            "step_to_pixel_p50_ms": round(float(np.percentile(waits, 50)), 1),
            "step_to_pixel_p99_ms": round(float(np.percentile(waits, 99)), 1),
        }
        with browser.traced(chromium, page) as busy:
            browser.watched(page, 10.0)
        result["main_thread_p50_ms"] = round(float(np.percentile(busy, 50)), 2)
        result["main_thread_p95_ms"] = round(float(np.percentile(busy, 95)), 2)
        _said(result)
        page.wait_for_timeout(WARM_UP_S * 1000)
        before = browser.memory(page)
        page.wait_for_timeout(seconds * 1000)
        after = browser.memory(page)
    grown = {"memory_growth": round(after / before - 1, 4), "memory_mb": round(after / 1e6, 1)}
    return result | _said(grown)


def _basins(host: Host) -> dict[str, float]:
    with browser.browsing() as chromium:
        page = chromium.new_page(viewport=browser.SIZE)
        page.goto(f"{host.url}/?view=basins")
        browser.began(page)
        return _said({"basin_frames_per_s": round(browser.slid(page, SLIDES), 1)})
