"""Every JSON message between backend and worker, defined once; binary messages are frames."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, TypeAdapter

from backend.protocol import Limits, Message, Tensor
from lrd_core.engine.controls import Applied, Control, Replayed, Status

#: Of the link between worker and backend; raised when either end would not understand the other.
LINK_VERSION = 1
#: Under this name the reason of an end waits until it is `Stored`, as a control's answer does.
ENDING = "ending"
#: The same for the reason of a pause, and of a failure.
PAUSING = "pausing"
FAILED = "failed"


def _like(kind: Any) -> Callable[[Any], Any]:
    known: TypeAdapter[Any] = TypeAdapter(kind)

    def check(value: Any) -> Any:
        known.validate_python(value)
        return value

    return check


#: The parts of an object of the engine, each there and of its kind; they stay a dictionary.
AppliedParts = Annotated[dict[str, Any], AfterValidator(_like(Applied))]
ControlParts = Annotated[dict[str, Any], AfterValidator(_like(Control))]
StatusParts = Annotated[dict[str, Any], AfterValidator(_like(Status))]
ReplayedParts = Annotated[dict[str, Any], AfterValidator(_like(Replayed))]


def replayed_name(run: str) -> str:
    """The same for the steps of a run that were made again."""
    return f"replayed:{run}"


class WorkerHello(Message):
    """Worker → backend, first message; `experiment` is set once it has its assignment."""

    type: Literal["hello"] = "hello"
    link: int = Field(0, description="`LINK_VERSION`; 0 is one that did not say")
    worker: str
    pid: int
    experiment: str | None
    node: str = Field("", description="the node that it runs on; empty: the backend's machine")


class WorkerApplied(Message):
    """Worker → backend: a control was applied or refused; sent again until it is `Stored`.

    It carries the control itself and who sent it, so that a restarted backend can store it.
    """

    type: Literal["applied"] = "applied"
    applied: AppliedParts
    control: ControlParts
    who: str
    at: float = Field(description="when it was applied, Unix seconds")


class WorkerStatus(Message):
    type: Literal["status"] = "status"
    status: StatusParts


class WorkerReplayed(Message):
    """Worker → backend: recorded steps were made again; sent again until it is `Stored`.

    `parts` are `lrd_core.engine.controls.Replayed`. Many losses come in several messages in a row,
    the `first` to the `last`; only the last one is answered, so that all of them are sent again if
    the link was cut between them.
    """

    type: Literal["replayed"] = "replayed"
    run: str
    parts: list[ReplayedParts]
    first: bool = True
    last: bool = True


class WorkerView(Message):
    """Worker → backend: the newest state of a picture; not stored, not sent again."""

    type: Literal["view"] = "view"
    name: str
    content: dict[str, Any]


class WorkerEnding(Message):
    """Worker → backend: why it is about to stop by itself; sent again until it is `Stored`.

    ``{step}`` in `words` stands for the last step.
    """

    type: Literal["ending"] = "ending"
    words: str


class WorkerPausing(Message):
    """Worker → backend: why it is about to pause by itself; sent again until it is `Stored`."""

    type: Literal["pausing"] = "pausing"
    words: str


class WorkerKept(Message):
    """Worker → backend: which checkpoints of a run are kept now: step, bytes, and whether it was
    kept just before a change. Sent again until it is `Stored`, by its `name`."""

    type: Literal["kept"] = "kept"
    name: str
    run: str
    checkpoints: list[tuple[int, int, bool]]


class WorkerReady(Message):
    """Worker → backend: the experiment is built; its parameter tensors."""

    type: Literal["ready"] = "ready"
    tensors: list[Tensor]


class WorkerFailed(Message):
    """Worker → backend: training raised; the process ends. Sent again until it is `Stored`.

    `out_of_memory` says that there was no memory left for what it wanted.
    """

    type: Literal["failed"] = "failed"
    message: str
    out_of_memory: bool = False


WorkerMessage = Annotated[
    WorkerHello
    | WorkerApplied
    | WorkerStatus
    | WorkerReplayed
    | WorkerView
    | WorkerEnding
    | WorkerPausing
    | WorkerKept
    | WorkerReady
    | WorkerFailed,
    Field(discriminator="type"),
]


class WorkerControl(Message):
    type: Literal["control"] = "control"
    control: dict[str, Any]
    who: str


class Assign(Message):
    """Backend → worker: train this (the parts of an `ExperimentSpec`).

    `checkpoints` is the folder of the experiment's checkpoints; on a node they lie in the node's
    own folder instead. `resume` (the parts of a
    `timeline.Resume`) is set when it goes on in a new process; `seq` is the newest stored frame,
    and `first` a control to apply before any other. The worker goes on without the backend for
    `away_limit` seconds; what is not stored it keeps in `unsent_bytes` of memory, then in
    `spill_bytes` of the disk.
    """

    type: Literal["assign"] = "assign"
    experiment: str
    spec: dict[str, Any]
    paused: bool
    checkpoints: str
    limits: Limits = Limits()
    away_limit: float = 600.0
    unsent_bytes: int = 64_000_000
    spill_bytes: int = 1_000_000_000
    resume: dict[str, Any] | None = None
    seq: int = 0
    first: WorkerControl | None = None


class Ack(Message):
    """Backend → worker: every frame up to `seq` is committed."""

    type: Literal["ack"] = "ack"
    seq: int


class Stored(Message):
    """Backend → worker: this control is stored; no need to send it again."""

    type: Literal["stored"] = "stored"
    control: str


class Shutdown(Message):
    """Backend → worker: finish the step, send what is left, end."""

    type: Literal["shutdown"] = "shutdown"


BackendMessage = Annotated[
    Assign | WorkerControl | Ack | Stored | Shutdown, Field(discriminator="type")
]
