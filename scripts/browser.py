"""Makes sure that a Chromium for the browser tests is there; says where.

Looks at `CHROMIUM`, then for an installed Chromium or Chrome; as root on Debian it installs the
package, elsewhere it asks Playwright to download its own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

#: How Chromium is started: as root it needs no sandbox; nothing may call out.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
]
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find() -> str | None:
    """Path of a usable browser, or None."""
    named = os.environ.get("CHROMIUM")
    if named:
        return named
    for name in NAMES:
        path = shutil.which(name)
        if path:
            return path
    return _playwrights_own()


def _playwrights_own() -> str | None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else None


def install() -> None:
    """Install a browser by the system's package manager, else by Playwright."""
    if hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get"):
        sys.stdout.write("installing chromium (apt-get)\n")
        sys.stdout.flush()
        install_package = ["apt-get", "install", "-y", "-q", "--no-install-recommends", "chromium"]
        done = subprocess.run(install_package, stdout=subprocess.DEVNULL, check=False)
        if done.returncode != 0:
            subprocess.run(["apt-get", "update", "-q"], stdout=subprocess.DEVNULL, check=False)
            subprocess.run(install_package, stdout=subprocess.DEVNULL, check=False)
        return
    subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)


def main() -> int:
    if find() is None:
        install()
    path = find()
    if path is None:
        sys.stderr.write("no Chromium: install it, or set CHROMIUM to its path\n")
        return 1
    sys.stdout.write(f"browser: {path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
