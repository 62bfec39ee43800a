"""The websocket of a viewer: backend → browser, and the one message back."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from backend.protocol.base import PROTOCOL_VERSION, Input, Message
from backend.protocol.controls import ControlOut
from backend.protocol.experiments import Experiment


class Hello(Message):
    """First message: all that is known but the rows, which follow as frames after the cursor.

    `seq` is the newest stored frame; `after` the cursor that was asked for. It comes again on the
    same connection when the viewer had fallen behind and is caught up from the store.
    """

    type: Literal["hello"] = "hello"
    v: int = PROTOCOL_VERSION
    experiment: Experiment
    controls: list[ControlOut]
    seq: int
    after: int
    viewers: int


class ExperimentMessage(Message):
    type: Literal["experiment"] = "experiment"
    experiment: Experiment


class ControlMessage(Message):
    type: Literal["control"] = "control"
    control: ControlOut


class ViewMessage(Message):
    """The newest state of a picture; only what is looked at is sent, nothing of it is stored.

    `name` is ``plane``, ``contour``, ``picture``, ``arrows``, ``layers``, ``samples`` or ``usage``.
    """

    type: Literal["view"] = "view"
    name: str
    content: dict[str, Any]


class ViewersMessage(Message):
    type: Literal["viewers"] = "viewers"
    viewers: int


class Pong(Message):
    type: Literal["pong"] = "pong"


ServerMessage = Annotated[
    Hello | ExperimentMessage | ControlMessage | ViewMessage | ViewersMessage | Pong,
    Field(discriminator="type"),
]


class Ping(Input):
    """Viewer → backend, whenever it likes; it is answered with a pong."""

    type: Literal["ping"]
    v: int = PROTOCOL_VERSION
