"""`lrd worker`: train for a server on another machine."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from backend.jobs.cradle import fork_first
from backend.settings import load_settings
from lrd_core.data import places
from lrd_core.settings import SettingError

URL = re.compile(r"(?:(https?|wss?)://)?([^/?#@\s]+)(/[^?#\s]*)?")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")


def worker(
    url: str,
    token_file: Path | None,
    name: str | None,
    jobs: int,
    files: Path | None,
    data: Path | None,
    as_json: bool,
) -> int:
    """Train for the server at `url` until interrupted; 1 if it refuses.

    Raises:
        SettingError: an address, token, name or folder that is not allowed.
    """
    settings = load_settings()
    address = websocket_address(url)
    token = _token(token_file, settings.folder())
    called = name or _own_name()
    if not NAME.fullmatch(called):
        raise SettingError("name", called, "letters, digits, '.', '_' and '-', at most 60")
    places.use(data)
    folder = _folder(files or settings.folder() / "worker")
    # Slow imports (torch) come after the cheap refusals.
    fork_first()
    from backend.jobs.node import NodeProcess, NodeRefusedError, NodeSettings

    given = NodeSettings(
        url=address,
        token=token,
        name=called,
        files=folder,
        places=jobs,
        jobs_per_gpu=settings.jobs_per_gpu,
        worker_url=settings.worker_url,
    )
    node = NodeProcess(given, lambda line: _say(line, as_json))
    try:
        asyncio.run(_until_interrupted(node.run, node.leave))
    except NodeRefusedError as error:
        sys.stderr.write(f"lrd: {address} refuses this worker: {error}\n")
        return 1
    return 0


def websocket_address(url: str) -> str:
    """A server's address as one of websockets, e.g. ``wss://lab.example`` of
    ``https://lab.example/``.

    Raises:
        SettingError: it is none.
    """
    found = URL.fullmatch(url.strip())
    if found is None:
        raise SettingError("url", url, "a server's address, e.g. http://lab.example:8000")
    scheme = {"https": "wss", "wss": "wss"}.get(found.group(1) or "http", "ws")
    return f"{scheme}://{found.group(2)}{(found.group(3) or '').rstrip('/')}"


def _own_name() -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", socket.gethostname()).strip("-._") or "worker"


def _token(file: Path | None, folder: Path) -> str:
    given = os.environ.get("LRD_WORKER_TOKEN", "")
    if file is None and given:
        return given
    path = file or folder / "worker.token"
    allowed = "a copy of the file worker.token that lies beside the server's store"
    try:
        token = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError("token-file", str(path), f"{allowed} ({error})") from None
    if not token:
        raise SettingError("token-file", str(path), f"{allowed} (it is empty)")
    return token


def _folder(path: Path) -> Path:
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        allowed = f"a folder that can be written ({error.strerror})"
        raise SettingError("files", str(path), allowed) from None
    return path


async def _until_interrupted(run: Callable[[], Awaitable[None]], leave: Callable[[], None]) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, leave)
    await run()


def _say(line: str, as_json: bool) -> None:
    sys.stdout.write((json.dumps({"message": line}) if as_json else line) + "\n")
    sys.stdout.flush()
