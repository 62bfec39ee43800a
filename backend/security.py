"""The doors: who may call (Host, Origin), how much they may send, what a page may load.

Pure ASGI, around everything the server answers, the dashboard's own routes and websockets included.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.api.errors import error_response
from backend.errors import ApiError
from backend.settings import EVERYWHERE

#: Websockets that ask for the worker token.
WORKERS = ("/api/worker", "/api/node")
LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})


def host_name(authority: str) -> str:
    """The host of ``host:port``, lower case, without the port."""
    found = re.fullmatch(r"(\[[0-9a-f:.]+\]|[^:\[\]/@]+)(?::\d{1,5})?", authority.strip().lower())
    return found.group(1) if found else ""


def content_policy(page: Path | None) -> str:
    """The Content-Security-Policy; `page` is a page whose inline scripts are allowed by hash."""
    hashes = " ".join(f"'{value}'" for value in inline_hashes(page)) if page else ""
    # blob: because the dashboard loads a component's inline loader as a blob module.
    scripts = f"script-src 'self' 'wasm-unsafe-eval' blob: {hashes}".strip()
    return (
        "default-src 'self'; img-src 'self' data: blob:; font-src 'self' data:; "
        "connect-src 'self'; worker-src 'self' blob:; object-src 'none'; base-uri 'self'; "
        "frame-ancestors 'self'; form-action 'self'; style-src 'self' 'unsafe-inline'; " + scripts
    )


def inline_hashes(page: Path) -> list[str]:
    """CSP hashes of the inline scripts of an HTML file."""
    text = page.read_text(encoding="utf-8")
    scripts = re.findall(r"<script(?![^>]*\bsrc=)[^>]*>(.*?)</script>", text, re.DOTALL)
    digests = (hashlib.sha256(script.encode()).digest() for script in scripts)
    return ["sha256-" + base64.b64encode(digest).decode() for digest in digests]


class Doors:
    """Checks Host and Origin of every request and websocket, and sets the security headers."""

    def __init__(self, app: ASGIApp, host: str, allowed: Iterable[str], policy: str) -> None:
        self._app = app
        bound = f"[{host}]" if ":" in host else host
        extra = {bound.lower()} if host not in EVERYWHERE else set()
        self._hosts = LOOPBACK | extra | {name.lower() for name in allowed}
        self._headers = {
            "Content-Security-Policy": policy,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "same-origin",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        # A worker brings a secret that no web page has; it may call the server by any name.
        workers = scope["type"] == "websocket" and scope["path"] in WORKERS
        error = None if workers else self.refusal(Headers(scope=scope))
        if error is not None:
            await _refuse(error, scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers[name] = value
            await send(message)

        await self._app(scope, receive, with_headers)

    def refusal(self, headers: Headers) -> ApiError | None:
        """Why a request with these headers must not come in."""
        host = headers.get("host", "")
        names = ", ".join(sorted(self._hosts))
        if host_name(host) not in self._hosts:
            message = f"Host: {host!r} is not allowed; use one of {names}"
            return ApiError(400, "Host", host, f"one of {names}", message)
        origin = headers.get("origin")
        if origin is None or self._same(origin, host):
            return None
        allowed = "a page of this server"
        message = f"Origin: {origin!r} is not allowed; use {allowed}"
        return ApiError(403, "Origin", origin, allowed, message)

    def _same(self, origin: str, host: str) -> bool:
        """The page that asks was served under the name it asks for, or under an allowed one."""
        scheme, separator, authority = origin.partition("://")
        if not separator or scheme not in ("http", "https"):
            return False
        name = host_name(authority)
        default = {"http": ":80", "https": ":443"}[scheme]
        same = authority.lower().removesuffix(default) == host.lower().removesuffix(default)
        return same or (name in self._hosts and name not in LOOPBACK)


async def _refuse(error: ApiError, scope: Scope, receive: Receive, send: Send) -> None:
    response = error_response(error)
    if scope["type"] == "http":
        await response(scope, receive, send)
        return
    # Before `accept`, a close is answered as HTTP 403.
    await send({"type": "websocket.close", "code": 4403, "reason": error.message[:100]})


class BodyLimit:
    """Reads the body of API requests first, and refuses what is too long, chunked or not."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith("/api"):
            await self._app(scope, receive, send)
            return
        length = Headers(scope=scope).get("content-length", "0")
        if length.isdigit() and int(length[:18]) > self._limit:
            await self._too_long(scope, receive, send)
            return
        body = bytearray()
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > self._limit:
                await self._too_long(scope, receive, send)
                return
        whole: list[Message] = [{"type": "http.request", "body": bytes(body), "more_body": False}]

        async def replay() -> Message:
            return whole.pop() if whole else await receive()

        await self._app(scope, replay, send)

    async def _too_long(self, scope: Scope, receive: Receive, send: Send) -> None:
        allowed = f"at most {self._limit:,} bytes"
        message = f"body: too long; use {allowed}"
        response = error_response(ApiError(413, "body", None, allowed, message))
        # The rest of the body is not read, so that the connection can't be used again.
        response.headers["Connection"] = "close"
        await response(scope, receive, send)
