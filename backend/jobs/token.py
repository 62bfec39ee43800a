"""The secret with which worker processes come in."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def worker_token(folder: Path) -> str:
    """The secret that lets worker processes in; it outlives the server, so that they can return."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / "worker.token"
    with _alone(folder):
        known = path.read_text(encoding="ascii").strip() if path.exists() else ""
        return known or _made(path)


def _made(path: Path) -> str:
    token = secrets.token_urlsafe(32)
    # Whole or not at all: a crash half way must not leave a secret that is empty.
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(token)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    return token


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Servers that share a folder come one after the other."""
    try:
        import fcntl
    except ImportError:  # a system without advisory locks
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
