"""Runs the application with uvicorn; ends the workers before the connections are closed."""

from __future__ import annotations

import gc
import logging
import socket
from collections.abc import Callable

import uvicorn
from fastapi import FastAPI

from backend import logs
from backend.jobs.closing import MAX_MESSAGE
from backend.jobs.cradle import fork_first
from backend.limits import allow_connections
from backend.settings import Settings, load_settings
from backend.stream.wire import WireProtocol

#: Seconds between two pings of a websocket, and in which one must be answered.
PING_S = 20.0


class Server(uvicorn.Server):
    """uvicorn, but its shutdown begins with the jobs: their last rows still need their links."""

    def __init__(
        self, app: FastAPI, config: uvicorn.Config, on_started: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._app = app
        self._on_started = on_started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        allow_connections()
        await super().startup(sockets)
        # A full collection would look at all that was imported, and stall the stream for a tenth
        # of a second.
        gc.freeze()
        if self.started:
            self._on_started()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        services = getattr(self._app.state, "services", None)
        if services is not None:
            await services.manager.close()
        await super().shutdown(sockets)


def make_server(
    app: FastAPI, settings: Settings, started: Callable[[], None] = lambda: None
) -> Server:
    """A server for `app`, not yet running; `started` is called once it listens."""
    form = logs.configuration(settings)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_level=settings.log_level,
        log_config=uvicorn.config.LOGGING_CONFIG if form is None else form,
        access_log=settings.log_level == "debug",
        ws=WireProtocol,
        # Rows are nearly random numbers: packing them costs each viewer much and saves little.
        ws_per_message_deflate=False,
        ws_ping_interval=PING_S,
        ws_ping_timeout=PING_S,
        ws_max_size=MAX_MESSAGE,
        server_header=False,
        timeout_graceful_shutdown=1,
    )
    # The dashboard's framework puts handlers of its own on this logger.
    logging.getLogger("uvicorn.access").disabled = settings.log_level != "debug"
    return Server(app, config, started)


def serve(app: FastAPI, settings: Settings) -> None:
    """Serve until SIGTERM or Ctrl-C."""
    make_server(app, settings).run()


def main() -> None:
    """The backend alone, without the dashboard: ``python -m backend.server``."""
    settings = load_settings()
    fork_first()
    # Arrow, which it imports, starts a thread: who has threads must not fork.
    from backend.app import create_app

    serve(create_app(settings), settings)


if __name__ == "__main__":
    main()
