"""What nothing else answers under ``/api``: 404 or 405, in the form of every error.

Without it such requests would go on to the dashboard, which answers any path with its page.
"""

from __future__ import annotations

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.routing import Match, Mount, Route
from starlette.types import Receive, Scope, Send


def install(app: FastAPI) -> None:
    """Add it to `app`, after the routes of the API and before the dashboard."""
    unknown = Unknown(app)
    app.router.routes.append(Route("/api", endpoint=unknown, include_in_schema=False))
    app.router.routes.append(Mount("/api", app=unknown))


class Unknown:
    """ASGI application that refuses: 405 if a route of `app` has the path, else 404."""

    def __init__(self, app: FastAPI) -> None:
        self._routes = list(app.router.routes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 4404, "reason": "no such path"})
            return
        # Inside a mount the path counts from there; the routes know it from the root.
        outer = {**scope, "root_path": scope.get("app_root_path", "")}
        if any(route.matches(outer)[0] is Match.PARTIAL for route in self._routes):
            raise HTTPException(405)
        raise HTTPException(404)
