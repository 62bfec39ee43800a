"""Takes the pictures in docs/images from a real server and a real Chromium.

Every page: 1440×900 light and dark, 390×844 (2×) light. Explore and Train stand where their first
comparison has reached step 640; the others show what is there by then. Pictures have 256 colours:
a fifth of the bytes, and no eye has told them apart.
"""

from __future__ import annotations

import io
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
from browser import FLAGS, find
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
STEP = 640
SIZES = {"desktop": (1440, 900, 1), "phone": (390, 844, 2)}
LOOKS = (("desktop", "light"), ("desktop", "dark"), ("phone", "light"))
#: From this difference of its largest and smallest channel on, a colour is no shade of ink or map.
STRONG = 96
DONE = "finished"
#: A formula with two minima of unlike width, and a saddle between them.
FORMULA = "x**2 + 3*sin(y)"


@dataclass(frozen=True)
class Shot:
    """A picture of a page.

    Attributes:
        path: where it is. ``{explore}``, ``{train}``, ``{formula}`` are ids of experiments,
            ``{sweep}`` that of a sweep that has ended.
        ready: test id of what is there once the page is.
        press: test id of what is pressed then.
        fill: test id of a field and what is typed into it after that.
    """

    path: str
    ready: str = "run-card"
    press: str | None = None
    fill: tuple[str, str] | None = None


SHOTS = {
    "explore": Shot("/?experiment={explore}"),
    "relief": Shot("/?experiment={explore}", press="view-3d"),
    "basins": Shot("/?experiment={explore}&view=basins", "basins"),
    "formula": Shot("/?experiment={formula}", press="formula", fill=("formula-text", FORMULA)),
    "train": Shot("/train?experiment={train}"),
    "compare": Shot("/compare?add={train}", "compare-line"),
    "sweeps": Shot("/sweeps?sweep={sweep}", "cell-panel"),
    "lessons": Shot("/lessons", "lesson-card"),
    "lesson": Shot("/lessons?lesson=ravine", "lesson-step"),
    "lecture": Shot("/train?experiment={train}&lecture=1", "chart"),
    "experiments": Shot("/experiments", "experiment-row"),
    "jobs": Shot("/train?experiment={train}", press="jobs-open"),
}


def free_port() -> int:
    """A TCP port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(folder: str) -> Iterator[str]:
    """A server on a store of its own; its address.

    Raises:
        SystemExit: it did not start.
    """
    server = subprocess.Popen(
        [sys.executable, "-m", "backend.cli", "serve", "--port", str(free_port())],
        env=os.environ | {"LRD_STORE": f"sqlite:///{folder}/lrd.sqlite3"},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        line = server.stdout.readline() if server.stdout else ""
        url = re.search(r"http://\S+", line)
        if url is None:
            raise SystemExit(f"the server did not start: {line}")
        yield url[0]
    finally:
        server.terminate()
        server.wait(20)


def settle(page: Page) -> None:
    """Wait until every row is drawn."""
    page.wait_for_function(
        "n => Number(document.querySelector('[data-testid=step]')?.textContent"
        "?.replace(/\\D/g, '')) >= n"
        " || [...document.querySelectorAll('*')].some(e => Number(e.shadowRoot?.querySelector"
        "('[data-testid=step]')?.textContent?.replace(/\\D/g, '')) >= n)",
        arg=STEP,
        timeout=240_000,
    )


def paused(context: BrowserContext, url: str) -> str:
    """Open a page, pause what it trains soon after `STEP`; the id of that experiment."""
    page = context.new_page()
    page.goto(url)
    page.get_by_test_id("run-card").first.wait_for()
    settle(page)
    page.get_by_test_id("play").click()
    page.wait_for_timeout(500)
    found = re.search(r"experiment=([\w-]+)", page.url)
    page.close()
    if found is None:
        raise SystemExit(f"{url} shows no experiment")
    return found[1]


def created(url: str, path: str, **body: object) -> str:
    """What the server made of a request; its id."""
    made = httpx.post(f"{url}/api/{path}", json=body, timeout=30)
    return str(made.raise_for_status().json()["id"])


def swept(url: str) -> str:
    """The id of the sweep that the page offers, once all its cells are trained."""
    lr = [0.0003, 0.00053, 0.00095, 0.0017, 0.003, 0.0053, 0.0095, 0.017, 0.03]
    x = {"setting": "drop_rate", "values": [i / 10 for i in range(10)]}
    id = created(url, "sweeps", x=x, y={"setting": "lr", "values": lr}, seeds=3)
    deadline = time.monotonic() + 900
    while (state := httpx.get(f"{url}/api/sweeps/{id}").raise_for_status().json()["state"]) != DONE:
        if state not in ("queued", "running") or time.monotonic() > deadline:
            raise SystemExit(f"the sweep is {state}")
        time.sleep(1)
    return id


def trained(browser: Browser, url: str) -> dict[str, str]:
    """What the pictures show; ids by the names that paths use."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    ids = {"explore": paused(context, f"{url}/"), "train": paused(context, f"{url}/train")}
    runs = [
        {"optimizer": "adam", "settings": {"lr": 0.05}, "drop_rate": rate} for rate in (0, 0.5, 0.9)
    ]
    settings = {"formula": FORMULA, "start_x": -4.0, "start_y": 2.5}
    more = {"problem": "own_formula", "settings": settings, "runs": runs}
    formula = created(url, "experiments", **more, steps=900, speed=240)
    ids["formula"] = paused(context, f"{url}/?experiment={formula}")
    context.close()
    ids["sweep"] = swept(url)
    digits = [{"optimizer": "adam", "drop_rate": rate} for rate in (0, 0.5)]
    created(url, "experiments", problem="digits", runs=digits, steps=100_000, speed=20)
    return ids


def few_colours(picture: Image.Image) -> Image.Image:
    """The picture with 256 colours. The commonest of them are kept as they are, and so are the
    commonest strong ones: a run's line covers few pixels, and must not turn grey for it."""
    pixels_hwc = np.asarray(picture)
    colours, of_pixel, counts = np.unique(
        pixels_hwc.reshape(-1, 3), axis=0, return_inverse=True, return_counts=True
    )
    by_count = colours[np.argsort(-counts)]
    strong = by_count[np.ptp(by_count, axis=1) > STRONG]
    blends = np.asarray(picture.quantize(128).getpalette(), dtype=np.uint8).reshape(-1, 3)
    palette = np.concatenate([by_count[:64], strong[:64], blends[:128]]).astype(np.int32)
    nearest = np.concatenate(
        [
            np.argmin(((some[:, np.newaxis] - palette) ** 2).sum(axis=2), axis=1)
            for some in np.array_split(colours.astype(np.int32), len(colours) // 4096 + 1)
        ]
    )
    few = Image.fromarray(nearest[of_pixel].reshape(pixels_hwc.shape[:2]).astype(np.uint8), "P")
    few.putpalette(palette.astype(np.uint8).tobytes())
    return few


def shoot(context: BrowserContext, url: str, shot: Shot, path: Path) -> None:
    """One picture, once the page is ready and nothing moves that need not."""
    page = context.new_page()
    page.goto(url)
    page.get_by_test_id(shot.ready).first.wait_for(timeout=60_000)
    page.get_by_text("no rows yet").first.wait_for(state="hidden", timeout=60_000)
    page.wait_for_timeout(1500)
    if shot.press:
        page.get_by_test_id(shot.press).click()
        page.wait_for_timeout(700)
    if shot.fill:
        field, words = shot.fill
        page.get_by_test_id(field).fill(words)
        page.wait_for_timeout(1500)
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    few_colours(picture).save(path, optimize=True)
    sys.stdout.write(f"{path.relative_to(ROOT)} {path.stat().st_size // 1000} kB\n")
    page.close()


def main() -> None:
    """Start a server on a store of its own, and take every picture, or those that are named."""
    wanted = sys.argv[1:] or list(SHOTS)
    IMAGES.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(folder) as url,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=find(), args=FLAGS)
        ids = trained(browser, url)
        for size, theme in LOOKS:
            width, height, scale = SIZES[size]
            context = browser.new_context(
                viewport={"width": width, "height": height},
                device_scale_factor=scale,
                color_scheme="dark" if theme == "dark" else "light",
                has_touch=size == "phone",
            )
            for name in wanted:
                shot = SHOTS[name]
                path = IMAGES / f"{name}-{size}-{theme}.png"
                shoot(context, url + shot.path.format(**ids), shot, path)
            context.close()
        browser.close()


if __name__ == "__main__":
    main()
