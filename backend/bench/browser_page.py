"""The dashboard in a headless Chromium, as the browser's benchmark sees it."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from lrd_core.settings import SettingError

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
#: Of all runs something is drawn, and of a long past all of it.
COMPLETE = (
    f"([runs, rows]) => {{ const p = {PROBE}; return !!p && p.experiment !== null"
    " && runs.every((run) => p.rows(run, 'loss').steps.length >= rows); }"
)
#: For so many seconds: animation frames, and for each row the milliseconds from its making until
#: the frame that shows it was painted.
WATCH = f"""([run, column, seconds]) => new Promise((done) => {{
  const probe = {PROBE};
  const clock = () => performance.timeOrigin + performance.now();
  const waits = [], frames = [];
  let seen = probe.experiment.step;
  const until = performance.now() + seconds * 1000;
  const tick = () => {{
    frames.push(performance.now());
    const rows = probe.since(run, column, seen);
    if (rows.steps.length > 0) {{
      seen = rows.steps.at(-1);
      const channel = new MessageChannel();
      channel.port1.onmessage = () => {{
        const now = clock();
        for (const at of rows.values) if (Number.isFinite(at)) waits.push(now - at * 1000);
      }};
      channel.port2.postMessage(0);
    }}
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


def complete(page: Any, runs: list[str], rows: int) -> None:
    """Wait until the loss of all runs is there."""
    page.wait_for_function(COMPLETE, arg=[runs, rows], timeout=60_000, polling="raf")


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
        busy += _busy(json.loads(Path(file.name).read_bytes())["traceEvents"])


def _busy(events: list[dict[str, Any]]) -> list[float]:
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
