"""This program beside the other tools: the same measures, through its own page, link and store."""

from __future__ import annotations

import multiprocessing
import time
from contextlib import ExitStack
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from backend.bench import browser_page as browser
from backend.bench import peers_page
from backend.bench.browser_data import Stored, names, prepare, streaming
from backend.bench.host import Host, folder, serving, store_url
from backend.bench.peers_log import values_of
from backend.bench.peers_plan import FEW, OUR_POINTS, REST_S, RUNS, Plan, calls, told
from backend.bench.source import linked
from backend.jobs.outbox import Outbox
from backend.jobs.worker import BackendSink
from lrd_core.engine.frames import ColumnBuffer
from lrd_core.engine.loop import FLUSH_S

#: Seconds on the page's clock when the frame after this one was painted.
_PAINTED = """() => new Promise((done) =>
  requestAnimationFrame(() => setTimeout(() => done(performance.now() / 1000), 0)))"""


def measure(plan: Plan) -> dict[str, Any]:
    """The figures; see `backend.bench.peers.measure`."""
    with ExitStack() as stack:
        place = stack.enter_context(folder())
        sizes = [(RUNS, steps) for steps in plan.sizes]
        *many, one, fresh = prepare(store_url(place), [*sizes, (1, FEW), (RUNS, FEW)])
        # The experiments have no process until their job comes: nobody gives them up.
        host = stack.enter_context(serving(place, dashboard=True, return_limit=100_000))
        host.rest()
        chromium = stack.enter_context(browser.browsing())
        found: dict[str, Any] = {}
        _opened(chromium, host, many[0])
        for stored in many:
            rounds = [_opened(chromium, host, stored) for _ in range(plan.rounds)]
            seconds, points = zip(*rounds, strict=True)
            found |= plan.opening(stored.steps, seconds, points)
        with streaming(host, one, 1 / plan.pause_s), _page(chromium, host, one) as page:
            browser.settle(page)
            _, waits = browser.watched(page, plan.latency_s)
            found |= told("latency", "ms", waits, (50, 95))
        with streaming(host, many[0], 1 / plan.pause_s), _page(chromium, host, many[0]) as page:
            browser.settle(page)
            found |= peers_page.pace(peers_page.frames(page, plan.frames_s))
        found |= calls(_cost(host, fresh, plan))
    return found


def _page(chromium: Any, host: Host, stored: Stored) -> Any:
    """The experiment's page at rest, in a profile that has cached nothing."""
    page = chromium.new_page(viewport=browser.SIZE)
    page.goto(f"{host.url}/train?experiment={stored.id}", wait_until="commit")
    browser.complete(page, stored.id, names(stored.runs), min(stored.steps, OUR_POINTS))
    page.wait_for_timeout(REST_S * 1000)
    return page


def _opened(chromium: Any, host: Host, stored: Stored) -> tuple[float, int]:
    with chromium.new_page(viewport=browser.SIZE) as page:
        page.goto(f"{host.url}/train?experiment={stored.id}", wait_until="commit")
        browser.complete(page, stored.id, names(stored.runs), min(stored.steps, OUR_POINTS))
        seconds = float(page.evaluate(_PAINTED))
        points = int(page.evaluate(f"() => {browser.PROBE}.count('r1', 'loss')"))
    return seconds, points


def _cost(host: Host, stored: Stored, plan: Plan) -> Any:
    """Microseconds of each run's row, in a process like a job's."""
    context = multiprocessing.get_context("spawn")
    mine, other = context.Pipe()
    process = context.Process(target=_job, args=(other, host, stored, plan), daemon=True)
    process.start()
    try:
        return np.asarray(mine.recv(), float)
    finally:
        process.join(30)
        process.kill()


def _job(pipe: Connection, host: Host, stored: Stored, plan: Plan) -> None:
    """What the loop does with a step's rows: into the buffer, and a frame when one is due. The last
    run's row pays for the frame."""
    outbox = Outbox()
    outbox.begin(stored.frames)
    sink, buffer, found = BackendSink(outbox), ColumnBuffer(), []
    with linked(host.worker_url, host.token, stored.id, outbox):
        flushed = time.monotonic()
        rows = values_of(stored.runs, stored.steps + 1, plan.calls)
        runs = names(stored.runs)
        for step, row in enumerate(rows, stored.steps + 1):
            time.sleep(plan.pause_cost_s)
            for run, values in zip(runs, row, strict=True):
                began = time.perf_counter()
                buffer.add(run, step, values)
                if run is runs[-1] and time.monotonic() - flushed >= FLUSH_S:
                    flushed = time.monotonic()
                    sink.frame(buffer.take())
                found.append((time.perf_counter() - began) * 1e6)
        sink.frame(buffer.take())
    pipe.send(found)
