"""The dashboard in a headless Chromium, as the browser's benchmark sees it."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from lrd_core.settings import SettingError

#: A row that is on the page so soon is not one of a backlog, where all are at so many looks.
SOON_S, LOOKS = 0.2, 4
SIZE = {"width": 1440, "height": 900}
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run")
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
#: The element that carries `__lrd` (frontend/live/src/state/probe.ts), through shadow roots.
PROBE = """(() => {
  const look = (root) => {
    for (const e of root.querySelectorAll('*')) {
      if (e.__lrd) return e.__lrd;
      const found = e.shadowRoot && look(e.shadowRoot);
      if (found) return found;
    }
    return null;
  };
  return look(document);
})()"""
#: The loss of all runs is there.
COMPLETE = (
    f"([id, runs, rows]) => {{ const p = {PROBE}; return !!p && p.experiment?.id === id"
    " && runs.every((run) => p.count(run, 'loss') >= rows); }"
)
#: Turns to another experiment without loading the page anew, as a link in the list does; seconds
#: until its loss was painted.
TURN = f"""([path, id, runs, rows]) => new Promise((done) => {{
  const complete = {COMPLETE};
  const began = performance.now();
  history.pushState(history.state, '', path);
  dispatchEvent(new PopStateEvent('popstate', {{ state: history.state }}));
  const look = () => {{
    if (!complete([id, runs, rows])) return requestAnimationFrame(look);
    // The frame after the one in which its rows came has been painted.
    requestAnimationFrame(() => setTimeout(() => done((performance.now() - began) / 1000), 0));
  }};
  look();
}})"""
#: Moves the first drop-rate slider from end to end; pictures a second that came meanwhile.
SLIDE = """([slides]) => new Promise((done) => {
  const find = (root, found) => {
    for (const e of root.querySelectorAll('*')) {
      if (e.matches('[data-testid=drop-rate]')) found.push(e);
      if (e.shadowRoot) find(e.shadowRoot, found);
    }
    return found;
  };
  const slider = find(document, [])[1];
  const answered = () =>
    performance.getEntriesByType('resource').filter((e) => e.name.endsWith('/api/swarms')).length;
  performance.setResourceTimingBufferSize(10000);
  const before = answered(), began = performance.now();
  let n = 0;
  const move = () => {
    n += 1;
    slider.value = String(0.9 * Math.abs(((2 * n) / slides) % 2 - 1));
    slider.dispatchEvent(new Event('input', { bubbles: true }));
    if (n < slides) setTimeout(move, 20);
    else done((answered() - before) / ((performance.now() - began) / 1000));
  };
  move();
})"""
#: For so many seconds: animation frames, and for each row the milliseconds from its making until
#: the frame in which the chart of the loss shows it was painted.
WATCH = f"""([run, column, seconds]) => new Promise((done) => {{
  const probe = {PROBE};
  const clock = () => performance.timeOrigin + performance.now();
  const waits = [], frames = [];
  let seen = probe.since(run, column, probe.experiment.step).steps.at(-1) ?? 0;
  const until = performance.now() + seconds * 1000;
  // Comes once the frame is painted.
  const channel = new MessageChannel();
  channel.port1.onmessage = () => {{
    const now = clock(), upTo = probe.painted('loss');
    const rows = probe.since(run, column, seen);
    rows.values.forEach((at, i) => {{
      if (rows.steps[i] > upTo) return;
      seen = rows.steps[i];
      if (Number.isFinite(at)) waits.push(now - at * 1000);
    }});
  }};
  const tick = () => {{
    frames.push(performance.now());
    channel.port2.postMessage(0);
    if (performance.now() < until) requestAnimationFrame(tick);
    else setTimeout(() => done({{ frames, waits }}), 100);
  }};
  requestAnimationFrame(tick);
}})"""


def require() -> None:
    """Playwright and a Chromium are there.

    Raises:
        SettingError: one is missing; says what to install.
    """
    if find_spec("playwright") is None:
        raise SettingError("playwright", "missing", "pip install playwright")
    if executable() is None:
        mend = "a Chromium: apt-get install chromium, or playwright install chromium, or CHROMIUM"
        raise SettingError("chromium", "missing", mend)


def executable() -> str | None:
    """Path of a browser; None if there is none."""
    named = os.environ.get("CHROMIUM")
    found = named or next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        from playwright.sync_api import sync_playwright

        with sync_playwright() as playwright:
            own = Path(playwright.chromium.executable_path)
        found = str(own) if own.exists() else None
    return found


@contextmanager
def browsing() -> Iterator[Any]:
    """A browser with a profile of its own that is gone afterwards: nothing is cached yet."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable(), args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()


def began(page: Any) -> None:
    """Wait until the page shows an experiment, and has stood for a moment."""
    page.wait_for_function(f"() => {PROBE}?.experiment", timeout=60_000)
    page.wait_for_timeout(2000)


def complete(page: Any, id: str, runs: list[str], rows: int) -> None:
    """Wait until the loss of all runs is there."""
    page.wait_for_function(COMPLETE, arg=[id, runs, rows], timeout=60_000, polling="raf")


def settle(page: Any, seconds: float = 30.0) -> None:
    """Wait, at most so long, until the page shows rows soon after they were made: what was made
    while it opened comes first."""
    late = f"{PROBE}.since('r1', 'sent', {PROBE}.experiment.step).values.at(-1)"
    deadline, soon = time.monotonic() + seconds, 0
    while time.monotonic() < deadline and soon < LOOKS:
        made = page.evaluate(f"() => {late} ?? 0")
        soon = soon + 1 if time.time() - made < SOON_S else 0
        page.wait_for_timeout(500)


def turned(page: Any, path: str, id: str, runs: list[str], rows: int) -> float:
    """Seconds from turning to another experiment until the loss of all its runs is painted."""
    return float(page.evaluate(TURN, [path, id, runs, rows]))


def slid(page: Any, slides: int) -> float:
    """Basin pictures a second while a drop rate moves `slides` times."""
    return float(page.evaluate(SLIDE, [slides]))


def watched(page: Any, seconds: float) -> tuple[float, np.ndarray]:
    """Frames a second, and the milliseconds from a row's making to the painted frame, (rows,)."""
    found = page.evaluate(WATCH, ["r1", "sent", seconds])
    frames = found["frames"]
    rate = (len(frames) - 1) / ((frames[-1] - frames[0]) / 1000)
    return rate, np.asarray(found["waits"], float)


@contextmanager
def traced(browser: Any, page: Any) -> Iterator[list[float]]:
    """Milliseconds that the page's main thread worked from one animation frame to the next."""
    busy: list[float] = []
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        categories = ["devtools.timeline", "disabled-by-default-devtools.timeline", "toplevel"]
        browser.start_tracing(page=page, path=file.name, categories=categories)
        try:
            yield busy
        finally:
            browser.stop_tracing()
        busy += busy_between(json.loads(Path(file.name).read_bytes())["traceEvents"])


def busy_between(events: list[dict[str, Any]]) -> list[float]:
    """From a trace's events: milliseconds of work from each animation frame to the next."""
    frames = sorted(
        (e["ts"], e["pid"], e["tid"]) for e in events if e["name"] == "FireAnimationFrame"
    )
    if not frames:
        return []
    thread = max({f[1:] for f in frames}, key=lambda t: sum(f[1:] == t for f in frames))
    starts = [at for at, *where in frames if tuple(where) == thread]
    tasks = [e for e in events if e["name"] == "RunTask" and (e["pid"], e["tid"]) == thread]
    begin = np.array([e["ts"] for e in tasks], float)
    work = np.array([e.get("dur", 0) for e in tasks], float)
    frame = np.searchsorted(np.array(starts, float), begin + work)
    sums = np.bincount(frame, weights=work, minlength=len(starts) + 1)[1 : len(starts)]
    return [float(one) / 1000 for one in sums]


def memory(page: Any) -> float:
    """Bytes that the page's scripts hold after a collection, with their arrays."""
    session = page.context.new_cdp_session(page)
    try:
        session.send("HeapProfiler.enable")
        session.send("HeapProfiler.collectGarbage")
        use = session.send("Runtime.getHeapUsage")
    finally:
        session.detach()
    return float(use["usedSize"] + use.get("backingStorageSize", 0))
