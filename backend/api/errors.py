"""Every error as `ErrorOut`: field, value, what is allowed, one sentence with all three."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from sqlalchemy.exc import OperationalError
from starlette.exceptions import HTTPException

from backend.errors import ApiError, refused
from backend.jobs.unstored import refusal
from backend.protocol import ErrorDetail, ErrorOut
from backend.store import StoreError
from lrd_core.settings import SettingError

log = logging.getLogger(__name__)

MAX_SHOWN = 200
#: The last part of an error's place where a union was tried: not a field.
_UNION_TAGS = frozenset({"bool", "int", "float", "str", "none", "RunIn"})
_ALLOWED = {
    "missing": "a value: this field is required",
    "finite_number": "a finite number",
    "extra_forbidden": "only the fields listed at /api/docs",
    "json_invalid": "a body of valid JSON",
}


def install(app: FastAPI) -> None:
    """Make `app` answer every error with `ErrorOut`."""
    app.exception_handler(SettingError)(_setting)
    app.exception_handler(ApiError)(_api)
    app.exception_handler(RequestValidationError)(_validation)
    app.exception_handler(HTTPException)(_http)
    app.exception_handler(StoreError)(_damaged)
    app.exception_handler(OperationalError)(_store)
    app.exception_handler(Exception)(_unexpected)


def error_response(error: ApiError) -> Response:
    """The answer that tells of `error`."""
    detail = ErrorDetail(
        field=_encodable(error.field),
        value=shown(error.value),
        allowed=_encodable(error.allowed),
        message=_encodable(error.message),
    )
    if error.position is not None:
        detail.position = error.position
    body = ErrorOut(error=detail).model_dump_json(exclude_unset=True)
    return Response(body, error.status, media_type="application/json")


def shown(value: object) -> object:
    """`value` as JSON can carry it; long ones are cut."""
    if isinstance(value, float) and not math.isfinite(value):
        return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[str(value)]
    if isinstance(value, str):
        value = _encodable(value)
        return value if len(value) <= MAX_SHOWN else value[:MAX_SHOWN] + "…"
    if value is None or isinstance(value, bool | int | float):
        return value
    try:
        text = json.dumps(value, ensure_ascii=True)
    except (TypeError, ValueError):
        text = repr(value)
    return text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "…"


def _encodable(text: str) -> str:
    """`text` as UTF-8 can carry it: a lone surrogate is legal in JSON's escapes only."""
    return text.encode("utf-8", "replace").decode()


async def _setting(_request: Request, error: SettingError) -> Response:
    return error_response(refused(error))


async def _api(_request: Request, error: ApiError) -> Response:
    return error_response(error)


async def _store(_request: Request, error: OperationalError) -> Response:
    answer = refusal(error)
    log.error("%s", answer.message)
    return error_response(answer)


async def _validation(_request: Request, error: RequestValidationError) -> Response:
    return error_response(from_validation(error.errors()))


def from_validation(errors: Sequence[Any]) -> ApiError:
    """The first of pydantic's errors, in our words."""
    first = errors[0]
    place = [part for part in first["loc"] if part not in ("body", "query", "path")]
    kind = first["type"]
    if kind == "json_invalid":
        reason = first.get("ctx", {}).get("error", "")
        message = f"body: it is not valid JSON ({reason}); use {_ALLOWED[kind]}"
        return ApiError(422, "body", None, _ALLOWED[kind], message)
    tried = place and place[-1] in _UNION_TAGS
    if tried:
        place = place[:-1]
    field = ".".join(map(str, place)) or "body"
    value = first.get("input")
    if isinstance(value, bytes):
        # FastAPI hands the raw body over when its content type is not JSON.
        allowed = "a JSON object, sent with Content-Type: application/json"
        return ApiError(422, "body", None, allowed, f"body: it is not JSON; use {allowed}")
    if kind == "missing":
        value = None
    if tried and isinstance(value, float) and not math.isfinite(value):
        allowed = _ALLOWED["finite_number"]
    elif tried:
        allowed = "a number, true, false or a text"
    else:
        allowed = _ALLOWED.get(kind) or _in_words(first["msg"])
    message = (
        f"{field}: {json.dumps(shown(value), ensure_ascii=False)} is not allowed; use {allowed}"
    )
    return ApiError(422, field, value, allowed, message)


def _in_words(message: str) -> str:
    """pydantic's "Input should be a valid string" as "a valid string"."""
    for start in ("Input should be ", "Value error, "):
        message = message.removeprefix(start)
    return message[:1].lower() + message[1:]


async def _http(request: Request, error: HTTPException) -> Response:
    path = request.url.path
    words = {
        404: ("path", path, "a path listed at /api/docs"),
        405: ("method", request.method, "a method listed at /api/docs for this path"),
        400: ("body", None, _ALLOWED["json_invalid"]),
    }
    field, value, allowed = words.get(error.status_code, ("request", None, "see /api/docs"))
    message = f"{field}: {shown(value)} is not allowed ({error.detail}); use {allowed}"
    return error_response(ApiError(error.status_code, field, value, allowed, message))


async def _damaged(request: Request, error: StoreError) -> Response:
    log.error("%s %s failed: %s", request.method, request.url.path, error)
    allowed = "what is stored whole"
    return error_response(ApiError(500, "store", None, allowed, f"store: {error}"))


async def _unexpected(request: Request, error: Exception) -> Response:
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    message = "request: the server failed at it; the server's log has the reason"
    return error_response(ApiError(500, "request", None, "a later attempt", message))
