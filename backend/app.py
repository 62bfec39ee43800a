"""Builds the application: API, streams, worker link, the live component's files, the dashboard."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

from fastapi import FastAPI
from starlette.middleware.gzip import GZipMiddleware
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from backend import api
from backend.api import errors, unknown
from backend.forward import Forward
from backend.jobs import node_socket
from backend.jobs import socket as worker_socket
from backend.jobs.manager import Manager
from backend.jobs.token import worker_token
from backend.logs import take_over
from backend.measured import MeasuredStore
from backend.security import BodyLimit, Doors, content_policy, host_name
from backend.services import Services
from backend.settings import Settings, load_settings
from backend.store.database import FolderLock
from backend.stream import socket as stream_socket
from backend.stream.hub import Hub
from backend.telemetry import Telemetry
from lrd_core import __version__


class Dashboard(Protocol):
    """An ASGI application with a lifespan of its own (Streamlit's `st.App`)."""

    def lifespan(self) -> Callable[[Any], AbstractAsyncContextManager[None]]: ...

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None: ...


def create_app(
    settings: Settings | None = None,
    dash: Dashboard | None = None,
    assets: Path | None = None,
    page: Path | None = None,
) -> FastAPI:
    """The application.

    Args:
        settings: by default from the environment.
        dash: the dashboard, mounted at ``/`` after everything else.
        assets: folder of the built live component, served at ``/live``.
        page: the dashboard's HTML page; its inline scripts are allowed by hash. By default
            Streamlit's, if there is a dashboard.

    Raises:
        SettingError: OpenTelemetry is asked for and not installed.
    """
    chosen = settings or load_settings()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            if dash is not None:
                await stack.enter_async_context(dash.lifespan()(app))
            take_over(chosen)
            app.state.services = await stack.enter_async_context(running(chosen))
            if telemetry is not None:
                await stack.enter_async_context(telemetry.measuring(app.state.services))
            yield

    app = FastAPI(
        title="LRD Lab",
        version=__version__,
        lifespan=lifespan,
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    app.state.settings = chosen
    errors.install(app)
    app.include_router(api.router)
    app.include_router(stream_socket.router)
    app.include_router(worker_socket.router)
    app.include_router(node_socket.router)
    unknown.install(app)
    if assets is not None:
        app.mount("/live", Immutable(directory=assets, check_dir=False))
    if dash is not None:
        app.mount("/", dash)
        page = page or streamlit_page()
    allowed = chosen.allowed_hosts
    if chosen.several:
        app.add_middleware(Forward)
        allowed = [*allowed, host_name(chosen.own_address().partition("://")[2])]
    app.add_middleware(GZipMiddleware, minimum_size=1000)
    app.add_middleware(BodyLimit, limit=chosen.max_body)
    telemetry = Telemetry(app) if chosen.otel else None
    # Added last, so that it stands before all others.
    app.add_middleware(Doors, host=chosen.host, allowed=allowed, policy=content_policy(page))
    return app


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Services]:
    """Store, hub and manager while the server runs.

    Raises:
        StoreError: another server holds the store, or a newer version wrote it.
    """
    if settings.several:
        # psycopg is there only with PostgreSQL.
        from backend.several import running_together

        async with running_together(settings) as services:
            yield services
        return
    folder = settings.folder()
    lock = FolderLock(folder)
    try:
        hub = Hub(settings.viewer_bytes)
        store = MeasuredStore(settings.store, hub.traffic.stored)
        try:
            token = worker_token(folder)
            manager = Manager(settings, store, hub, token)
            async with store.compacting():
                await manager.start()
                try:
                    yield Services(settings, store, hub, manager, token)
                finally:
                    await manager.close()
        finally:
            store.close()
    finally:
        lock.release()


def streamlit_page() -> Path | None:
    """Streamlit's page, whose one inline script needs a hash."""
    from importlib.util import find_spec

    spec = find_spec("streamlit")
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).parent / "static" / "index.html"
    return path if path.exists() else None


class Immutable(StaticFiles):
    """Files whose names carry a hash of their content: a browser need never ask again."""

    def file_response(self, full_path: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().file_response(full_path, *args, **kwargs)
        named = Path(full_path).suffix != ".json"
        kept = "public, max-age=31536000, immutable" if named else "no-cache"
        response.headers["Cache-Control"] = kept
        return response
