"""`lrd serve`: the whole program on one port."""

from __future__ import annotations

import json
import sys
from importlib import import_module

from backend.commands.port import authority, refusal
from backend.jobs.cradle import fork_first
from backend.settings import EVERYWHERE, Settings, load_settings
from backend.store.database import check_database

# Named, not imported: the arrow of imports goes from frontend to backend only.
WITH_DASHBOARD = "frontend.server"


def serve(host: str | None, port: int | None, dashboard: bool, as_json: bool) -> int:
    """Serve until interrupted.

    Raises:
        SettingError: a setting that is not allowed, or a store that cannot be opened.
    """
    settings = load_settings(host=host, port=port)
    if busy := refusal(settings.host, settings.port):
        where = authority(settings.host, settings.port)
        sys.stderr.write(f"lrd: port: {where} cannot be had ({busy}); use another --port\n")
        return 1
    check_database(settings.store)
    if settings.log == "text":
        sys.stderr.write("starting\n")
    try:
        return 0 if _start(settings, dashboard, as_json) else 1
    except KeyboardInterrupt:
        return 0  # Ctrl-C is how it is meant to end


def _start(settings: Settings, dashboard: bool, as_json: bool) -> bool:
    """Serve; says where it listens once it does."""
    # Slow imports (streamlit, torch) come after the cheap refusals.
    fork_first()
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
    return f"http://{authority(shown, settings.port)}"
