"""What a page of another tool has drawn, told by what its code hands to the canvas.

Each script runs before the page's own and fills ``window.__drawn``: unix milliseconds at which a
drawing was done, the points of each of its lines, and the newest step in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_BEGIN = """
  const drawn = (window.__drawn = []);
  const now = () => performance.timeOrigin + performance.now();
"""
#: Vega draws a line with one `lineTo` a point, or, small charts of Streamlit's, as an SVG path: of
#: those that SELECTOR has around them. What is drawn in one go is told in the task after it.
CANVAS = (
    "(() => {"
    + _BEGIN
    + """
  const draws = CanvasRenderingContext2D.prototype;
  const { beginPath, lineTo, stroke } = draws;
  const waiting = new Map();
  let points = 0, pending = false, changed = false;
  const push = (lengths) => drawn.push({ at: now(), lengths, newest: Math.max(...lengths) });
  const tell = () => {
    for (const [canvas, lengths] of waiting) {
      // A canvas may be drawn on before it is put into the page.
      if (canvas.closest?.('SELECTOR')) push(lengths);
    }
    const paths = changed ? [...document.querySelectorAll('SELECTOR .mark-line path')] : [];
    const lengths = paths.map((path) => path.getAttribute('d')?.match(/[ML]/g)?.length ?? 0);
    if (lengths.length > 0) push(lengths);
    waiting.clear();
    pending = changed = false;
  };
  const soon = () => {
    if (pending) return;
    pending = true;
    const channel = new MessageChannel();
    channel.port1.onmessage = tell;
    channel.port2.postMessage(0);
  };
  const isLine = ({ target, addedNodes }) =>
    target.nodeName === 'path' || [...addedNodes].some((node) => node.nodeName === 'path' ||
      node.querySelector?.('.mark-line path'));
  new MutationObserver((records) => {
    if (!records.some(isLine)) return;
    changed = true;
    soon();
  }).observe(document, { subtree: true, childList: true, attributeFilter: ['d'] });
  draws.beginPath = function () { points = 1; return beginPath.call(this); };
  draws.lineTo = function (x, y) { points += 1; return lineTo.call(this, x, y); };
  draws.stroke = function (...given) {
    // Axes, grids and symbols have few points.
    if (points >= 20) {
      soon();
      const lengths = waiting.get(this.canvas) ?? [];
      lengths.push(points);
      waiting.set(this.canvas, lengths);
    }
    return stroke.apply(this, given);
  };
})()"""
)
#: TensorBoard hands the points of all lines of a chart to a worker, which says when it has drawn.
#: It reloads by itself only where that was switched on; 30 s is its own shortest time.
TENSORBOARD = (
    "(() => {"
    + _BEGIN
    + """
  localStorage.setItem('_tb_global_settings',
    JSON.stringify({ autoReload: true, autoReloadPeriodInMs: 30000 }));
  const Channel = window.MessageChannel;
  window.MessageChannel = function () {
    const channel = new Channel(), port = channel.port1, post = port.postMessage.bind(port);
    let handed = null;
    port.postMessage = (message, ...given) => {
      const data = message?.compactDataSeries;
      if (data) {
        const lengths = data.idsAndLengths.map((one) => one.length);
        const points = new Float64Array(data.flattenedSeries);
        let newest = 0;
        for (let i = 0; i < points.length; i += 2) newest = Math.max(newest, points[i]);
        handed = { lengths, newest };
      }
      return post(message, ...given);
    };
    port.addEventListener('message', (event) => {
      if (event.data?.type !== 0 || handed === null) return;
      drawn.push({ at: now(), ...handed });
      handed = null;
    });
    return channel;
  };
})()"""
)
#: So many lines of so many points each.
_COMPLETE = "(one) => one.lengths.filter((length) => length >= points).length >= lines"
_OPENED = f"([lines, points]) => window.__drawn.some({_COMPLETE})"
#: Seconds from the navigation until then, and the most points of a line.
_OPENED_AT = f"""([lines, points]) => {{
  const found = window.__drawn.find({_COMPLETE});
  return [(found.at - performance.timeOrigin) / 1000, Math.max(...found.lengths)];
}}"""
#: Milliseconds at which animation frames came, for so many seconds.
_FRAMES = """(seconds) => new Promise((done) => {
  const frames = [], until = performance.now() + seconds * 1000;
  const tick = () => {
    frames.push(performance.now());
    if (performance.now() < until) requestAnimationFrame(tick);
    else done(frames);
  };
  requestAnimationFrame(tick);
})"""


def canvas(selector: str) -> str:
    """The script for charts by Vega in what `selector` names."""
    return CANVAS.replace("SELECTOR", selector)


def opened(page: Any, url: str, lines: int, points: int, limit_s: float) -> tuple[float, int]:
    """Seconds from the navigation to `url` until `lines` lines of `points` points and more were
    drawn, and the points of the longest.

    Raises:
        playwright.sync_api.Error: not within `limit_s`, or the page ended.
    """
    page.goto(url, wait_until="commit")
    given = [lines, points]
    page.wait_for_function(_OPENED, arg=given, timeout=limit_s * 1000, polling="raf")
    seconds, longest = page.evaluate(_OPENED_AT, given)
    return float(seconds), int(longest)


def shown(page: Any) -> list[tuple[float, int]]:
    """(unix seconds, newest step) of what was drawn so far."""
    found = page.evaluate("() => window.__drawn.map(({ at, newest }) => [at / 1000, newest])")
    return [(float(at), int(newest)) for at, newest in found]


def frames(page: Any, seconds: float) -> NDArray[np.float64]:
    """Milliseconds at which animation frames came, (frames,)."""
    return np.asarray(page.evaluate(_FRAMES, seconds), float)


def pace(at: NDArray[np.float64]) -> dict[str, float]:
    """Frames a second, and the longest time between two."""
    gaps = np.diff(at)
    return {
        "frames_per_s": round(1000 * len(gaps) / float(at[-1] - at[0]), 1),
        "longest_gap_ms": round(float(gaps.max()), 1),
    }


def latencies(
    logged: Mapping[int, float], seen: Sequence[tuple[float, int]]
) -> NDArray[np.float64]:
    """Milliseconds from the log call of each step until the page had that step or a newer one,
    (steps,); steps that are newer than all that the page had are left out.

    Args:
        logged: unix seconds by step.
        seen: (unix seconds, newest step) in order of time.
    """
    waits, place = [], 0
    for step, at in sorted(logged.items()):
        while place < len(seen) and seen[place][1] < step:
            place += 1
        if place == len(seen):
            break
        waits.append((seen[place][0] - at) * 1000)
    return np.asarray(waits, float)
