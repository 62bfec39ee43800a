"""`lrd serve`: the whole program on one port."""

from __future__ import annotations

import json
import socket
import sys
from importlib import import_module
from typing import Any

from pydantic import ValidationError

from backend.settings import EVERYWHERE, Settings
from lrd_core.settings import SettingError

# Named, not imported: the arrow of imports goes from frontend to backend only.
WITH_DASHBOARD = "frontend.server"


def serve(host: str | None, port: int | None, dashboard: bool, as_json: bool) -> int:
    """Serve until interrupted."""
    given: dict[str, Any] = {"host": host, "port": port}
    try:
        settings = Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        name = "LRD_" + str(first["loc"][0]).upper()
        raise SettingError(name, first["input"], first["msg"]) from None
    if busy := _busy(settings):
        sys.stderr.write(f"lrd: {busy}\n")
        return 1
    sys.stderr.write("starting\n")
    try:
        return 0 if _start(settings, dashboard, as_json) else 1
    except KeyboardInterrupt:
        return 0  # Ctrl-C is how it is meant to end


def _start(settings: Settings, dashboard: bool, as_json: bool) -> bool:
    """Serve; says where it listens once it does."""
    # Slow imports (streamlit, torch) come after the cheap refusals.
    from backend.app import create_app
    from backend.server import make_server

    app = import_module(WITH_DASHBOARD).create(settings) if dashboard else create_app(settings)
    url = _url(settings)
    line = json.dumps({"url": url}) if as_json else f"LRD Lab: {url}"
    server = make_server(app, settings, started=lambda: _say(line))
    server.run()
    return server.started


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _url(settings: Settings) -> str:
    shown = EVERYWHERE.get(settings.host, settings.host)
    return f"http://{f'[{shown}]' if ':' in shown else shown}:{settings.port}"


def _busy(settings: Settings) -> str | None:
    """Why the port cannot be had, or None; asked before the slow imports."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            where = f"{settings.host}:{settings.port}"
            return f"port: {where} cannot be had ({error.strerror}); use another --port"
    return None
