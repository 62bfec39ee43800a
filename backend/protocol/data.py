"""Data sets and where they are."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from backend.protocol.base import Message


class DataSetInfo(Message):
    """A data set and whether it is on the server's machine (see `lrd_core.data`)."""

    name: str
    label: str
    about: str
    bytes: int = Field(description="size of the download")
    licence: str
    state: Literal["present", "missing", "downloading", "failed"]
    where: str = Field(description="folder that holds it; else where was looked for it")
    progress: float | None = Field(description="0 to 1 while it is downloaded")
    message: str = Field(description="what to do about it; empty where nothing is wrong")
    problems: list[str] = Field(description="problems that need it")
