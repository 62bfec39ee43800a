"""Every message between the backend and a node, a machine that trains for it (``/api/node``).

A node starts worker processes and tells their ends; each worker has a link of its own, as one on
the backend's machine has.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from backend.protocol import Message

#: Of the link between node and backend; raised when either end would not understand the other.
NODE_VERSION = 2


class NodeEnded(Message):
    """Node → backend: a worker's process has ended; `code` is minus the signal's number if one
    ended it, None where it is not known; `starved`: the system wanted memory."""

    type: Literal["ended"] = "ended"
    worker: str
    code: int | None
    starved: bool = False


class NodeHello(Message):
    """Node → backend, first message, on every connection.

    `instance` tells two nodes with one name apart. `workers` are the processes that run, by name
    with their number; whoever is not among them runs no more. `ended` are those whose end was not
    told yet.
    """

    type: Literal["hello"] = "hello"
    link: int = Field(0, description="`NODE_VERSION`; 0 is one that did not say")
    node: str = Field(min_length=1, max_length=60, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    instance: str
    places: int = Field(ge=1, description="experiments at the same time")
    jobs_per_gpu: int = Field(1, ge=1)
    cores: int = Field(ge=1)
    devices: list[str] = Field(min_length=1, description="best first; ``cpu`` is always there")
    data: list[str] = Field(description="data sets that are there")
    workers: dict[str, int] = Field(default_factory=dict)
    ended: list[NodeEnded] = Field(default_factory=list)


class NodeStarted(Message):
    """Node → backend: a worker's process runs; its number there."""

    type: Literal["started"] = "started"
    worker: str
    pid: int


class NodeLeaving(Message):
    """Node → backend: it was asked to end, and so are its workers."""

    type: Literal["leaving"] = "leaving"


NodeMessage = Annotated[
    NodeHello | NodeStarted | NodeEnded | NodeLeaving, Field(discriminator="type")
]


class NodeWelcome(Message):
    """Backend → node, the answer to its hello."""

    type: Literal["welcome"] = "welcome"


class NodeReleased(Message):
    """Backend → node, the answer to its leaving: why its workers end is known."""

    type: Literal["released"] = "released"


class StartWorker(Message):
    """Backend → node: start a worker process of this name."""

    type: Literal["start"] = "start"
    worker: str


class SignalWorker(Message):
    """Backend → node: send a worker's process a signal: end when it can, or at once."""

    type: Literal["signal"] = "signal"
    worker: str
    signal: Literal["terminate", "kill"]


NodeOrder = Annotated[
    NodeWelcome | NodeReleased | StartWorker | SignalWorker, Field(discriminator="type")
]

node_messages: TypeAdapter[NodeMessage] = TypeAdapter(NodeMessage)
node_orders: TypeAdapter[NodeOrder] = TypeAdapter(NodeOrder)
