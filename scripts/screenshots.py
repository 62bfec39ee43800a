"""Takes the pictures in docs/images from a real server and a real Chromium.

Every page, light and dark, 1440×900 and 390×844 (2×): Explore and Train once their first comparison
has reached step 640, the others with what is there by then.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
from browser import FLAGS, find
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
STEP = 640
SIZES = {"desktop": (1440, 900, 1), "phone": (390, 844, 2)}
#: Pages that show one experiment.
PAGES = {"explore": "/", "train": "/train"}
#: The others: where they are, and what is there once they are ready. ``{id}`` is the experiment on
#: Train, ``{sweep}`` a sweep that has ended.
OTHERS = {
    "experiments": ("/experiments", "experiment-row"),
    "compare": ("/compare?add={id}", "compare-line"),
    "sweeps": ("/sweeps?sweep={sweep}", "cell-panel"),
    "lessons": ("/lessons", "lesson-card"),
    "lesson": ("/lessons?lesson=ravine", "lesson-step"),
    "lecture": ("/train?experiment={id}&lecture=1", "chart"),
}


def free_port() -> int:
    """A TCP port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def shoot(
    browser: Browser, url: str, name: str, size: str, theme: str, ready: str = "run-card"
) -> None:
    """One picture, once `ready` (a test id) is there; of an experiment as it stands."""
    width, height, scale = SIZES[size]
    context = browser.new_context(
        viewport={"width": width, "height": height},
        device_scale_factor=scale,
        color_scheme="dark" if theme == "dark" else "light",
    )
    page = context.new_page()
    page.goto(url)
    page.get_by_test_id(ready).first.wait_for()
    if ready == "run-card":
        settle(page)
    page.wait_for_timeout(1500)
    path = IMAGES / f"{name}-{size}-{theme}.png"
    page.screenshot(path=path)
    sys.stdout.write(f"{path.relative_to(ROOT)}\n")
    context.close()


def settle(page: Page) -> None:
    """Wait until every row is drawn."""
    page.wait_for_function(
        "n => Number(document.querySelector('[data-testid=step]')?.textContent"
        "?.replace(/\\D/g, '')) >= n"
        " || [...document.querySelectorAll('*')].some(e => Number(e.shadowRoot?.querySelector"
        "('[data-testid=step]')?.textContent?.replace(/\\D/g, '')) >= n)",
        arg=STEP,
        timeout=120_000,
    )


def paused_at(page: Page, url: str, step: int) -> str:
    """Open a page, pause it soon after `step`; its address with the experiment."""
    page.goto(url)
    page.get_by_test_id("run-card").first.wait_for()
    settle(page)
    page.get_by_test_id("play").click()
    page.wait_for_timeout(500)
    return page.url


def swept(url: str) -> str:
    """The id of the sweep that the page offers, once all its cells are trained."""
    lr = [0.0003, 0.00053, 0.00095, 0.0017, 0.003, 0.0053, 0.0095, 0.017, 0.03]
    asked = {"x": {"setting": "drop_rate", "values": [i / 10 for i in range(10)]}, "seeds": 3}
    made = httpx.post(f"{url}/api/sweeps", json=asked | {"y": {"setting": "lr", "values": lr}})
    address = f"{url}/api/sweeps/{made.raise_for_status().json()['id']}"
    deadline = time.monotonic() + 900
    while (state := httpx.get(address).raise_for_status().json()["state"]) != "finished":
        if state not in ("queued", "running") or time.monotonic() > deadline:
            raise SystemExit(f"the sweep is {state}")
        time.sleep(1)
    return address.rpartition("/")[2]


def main() -> None:
    """Start a server on a store of its own, and take every picture."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    port = free_port()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        store = f"sqlite:///{folder}/lrd.sqlite3"
        server = subprocess.Popen(
            [sys.executable, "-m", "backend.cli", "serve", "--port", str(port)],
            env=os.environ | {"LRD_STORE": store},
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            line = server.stdout.readline() if server.stdout else ""
            url = re.search(r"http://\S+", line)
            if url is None:
                raise SystemExit(f"the server did not start: {line}")
            browser = playwright.chromium.launch(executable_path=find(), args=FLAGS)
            shown = ""
            for name, path in PAGES.items():
                context = browser.new_context(viewport={"width": 1440, "height": 900})
                address = paused_at(context.new_page(), url[0] + path, STEP)
                context.close()
                shown = address.partition("experiment=")[2].partition("&")[0]
                for size in SIZES:
                    for theme in ("light", "dark"):
                        shoot(browser, address, name, size, theme)
            sweep = swept(url[0])
            for name, (path, ready) in OTHERS.items():
                for size in SIZES:
                    for theme in ("light", "dark"):
                        address = url[0] + path.format(id=shown, sweep=sweep)
                        shoot(browser, address, name, size, theme, ready)
            browser.close()
        finally:
            server.terminate()
            server.wait(20)


if __name__ == "__main__":
    main()
