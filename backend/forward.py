"""Passes requests on to another server, unchanged but for what belongs to one connection."""

from __future__ import annotations

import re

import httpx
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from backend.api.errors import error_response
from backend.errors import ApiError
from backend.services import Services

#: Headers that belong to one connection, not to the message; Host and Origin were checked here.
HOP = {"connection", "host", "origin", "keep-alive", "transfer-encoding", "upgrade", "te"}
#: The mark of a request that was passed on: it is not passed on again.
PASSED = "lrd-passed"
#: Reads that only the server that runs the jobs can answer: processes, devices, files.
_READS = re.compile(r"/api/(jobs|devices|nodes|data)(/.*)?|/api/experiments/[^/]+/checkpoints")
#: Changes nothing, and can be computed anywhere.
_ANYWHERE = "/api/swarms"


def client(base_url: httpx.URL | str = "") -> httpx.AsyncClient:
    """A client for servers nearby: a proxy named in the environment is for the way out. No limit
    for reads: a control of a run that makes recorded steps again is answered when that is over."""
    timeout = httpx.Timeout(30, connect=3, read=None)
    # Shorter than the server's own patience: it must not close what is just being used again.
    limits = httpx.Limits(keepalive_expiry=2)
    return httpx.AsyncClient(base_url=base_url, timeout=timeout, limits=limits, trust_env=False)


async def pass_on(to: httpx.AsyncClient, request: Request, base: str = "") -> Response:
    """The answer of the server at `base` (or at the client's own address) to `request`.

    Raises:
        httpx.TransportError: it does not answer.
    """
    headers = [(k, v) for k, v in request.headers.items() if k not in HOP]
    target = base + request.url.path + (f"?{request.url.query}" if request.url.query else "")
    sent = to.build_request(request.method, target, headers=headers, content=await request.body())
    answer = await to.send(sent, stream=True)
    kept = {k: v for k, v in answer.headers.items() if k not in HOP}
    done = BackgroundTask(answer.aclose)
    return StreamingResponse(answer.aiter_raw(), answer.status_code, kept, background=done)


class Forward:
    """Lets the server that runs the jobs answer what only it can."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._client = client()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and _for_leader(scope["method"], scope["path"]):
            services: Services = scope["app"].state.services
            if services.lead is not None and not services.lead.leading:
                response = await self._passed(services.lead.leader, Request(scope, receive))
                await response(scope, receive, send)
                return
        await self._app(scope, receive, send)

    async def _passed(self, leader: str, request: Request) -> Response:
        if not leader or PASSED in request.headers:
            return _nobody(leader)
        request.scope["headers"] = [*request.scope["headers"], (PASSED.encode(), b"1")]
        try:
            return await pass_on(self._client, Request(request.scope, request.receive), leader)
        except httpx.TransportError as error:
            return _nobody(f"{leader}, which does not answer ({error})")


def _for_leader(method: str, path: str) -> bool:
    if method in ("GET", "HEAD"):
        return _READS.fullmatch(path) is not None
    changes = method in ("POST", "PUT", "PATCH", "DELETE")
    return changes and path.startswith("/api/") and not path.startswith(_ANYWHERE)


def _nobody(leader: str) -> Response:
    who = f"the jobs of this store are run by {leader}" if leader else "no server runs jobs now"
    allowed = "a later attempt, once that server is back"
    message = f"server: {who}; what is stored can be read here, for a change use {allowed}"
    return error_response(ApiError(503, "server", leader or None, allowed, message))
