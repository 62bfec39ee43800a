"""Changes made while a job runs, and to go on with an ended experiment."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from backend.protocol.base import Input, Message, Value
from backend.protocol.experiments import LimitsIn, RunPatch
from lrd_core.engine.controls import Kind


class ControlIn(Input):
    """A change (see `lrd_core.engine.controls.Control`)."""

    kind: Kind
    run: str | None = None
    setting: str | None = None
    value: Value | None = None
    spec: RunPatch | None = None
    who: str = Field("", max_length=40)


class ResumeIn(Input):
    """An ended experiment goes on in a new process; `limits`, if given, replace the old ones."""

    paused: bool = True
    limits: LimitsIn | None = None
    who: str = Field("", max_length=40)


class ChangeInfo(Message):
    run: str | None
    setting: str
    old: Value | None
    new: Value | None
    step: int = Field(description="first step that uses it, of this run")


class ControlOut(Message):
    """A control that took effect: `step` is the first step that uses it."""

    id: str
    kind: Kind
    run: str | None
    step: int
    received_step: int
    changes: list[ChangeInfo]
    at: datetime
    who: str
