"""Writes requirements.lock: exact versions of all that pyproject.toml asks for, `dev` included.

torch's own platform packages (CUDA libraries) are pinned by torch itself and left out, so that one
lock file serves CPU and GPU machines. triton is in it for Linux, the version that torch's CUDA
build pins: the tests run and compile CUDA kernels without a GPU.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LEFT_OUT = ("#", "nvidia-", "cuda-", "lrd-lab", "-e ", "pip==", "setuptools==")
#: Ours, though it is named like torch's packages.
KEPT = ("nvidia-ml-py==",)
TOOLS = ["setuptools==80.9.0"]
#: What follows the version of packages that not every platform has.
MARKERS = {"triton": '; sys_platform == "linux"'}


def main() -> None:
    """Install what pyproject.toml asks for into this environment and write down what came."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "-q", "-e", f"{ROOT}[dev]"], check=True)
    frozen = subprocess.run([*pip, "freeze"], capture_output=True, text=True, check=True).stdout
    lines = [
        line.split("+")[0]
        for line in frozen.splitlines()
        if line.startswith(KEPT) or not line.startswith(LEFT_OUT)
    ]
    lines = [_named(line) for line in lines]
    lines = [line + MARKERS.get(line.split("==")[0], "") for line in lines]
    head = "# Written by `make lock` from pyproject.toml; don't edit.\n"
    text = head + "\n".join(sorted([*lines, *TOOLS], key=str.lower)) + "\n"
    (ROOT / "requirements.lock").write_text(text)


def _named(line: str) -> str:
    """The name as pyproject.toml writes it: with hyphens."""
    name, _, version = line.partition("==")
    return f"{name.replace('_', '-')}=={version}"


if __name__ == "__main__":
    main()
