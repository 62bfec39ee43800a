"""Errors, and whether the server is well."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from backend.protocol.base import Message


class ErrorDetail(Message):
    """What was wrong: the field, its value, what is allowed, and one sentence with all three."""

    field: str
    value: Any
    allowed: str
    message: str
    position: int | None = Field(None, description="of the offending character in a text, from 0")


class ErrorOut(Message):
    error: ErrorDetail


class Health(Message):
    status: Literal["ok"]
    version: str
    store: str
    leader: str = Field(
        "", description="address of the server that runs the jobs, if it is another one"
    )
    jobs: int
    viewers: int
