"""Every message between browser and backend, defined once (workers: `backend.jobs.messages`).

TypeScript types are generated from these models. Binary websocket messages are frames
(`lrd_core.engine.frames`); everything else is JSON.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from lrd_core.engine.controls import Kind, RunState, State
from lrd_core.optim.policies.policy import Unit

PROTOCOL_VERSION = 1
Value = bool | int | float | str


class Message(BaseModel):
    model_config = ConfigDict(
        extra="forbid", json_schema_serialization_defaults_required=True, ser_json_inf_nan="strings"
    )


class Input(Message):
    """What comes from outside: no number may be NaN or infinite, and nothing is converted.

    Nor may a text hold half a surrogate pair: JSON's escapes can write one, UTF-8 cannot, so that
    it could be neither stored nor sent.
    """

    model_config = ConfigDict(allow_inf_nan=False, strict=True)

    @field_validator("*")
    @classmethod
    def _encodable(cls, value: Any) -> Any:
        texts = [*value, *value.values()] if isinstance(value, dict) else [value]
        for text in texts:
            if isinstance(text, str):
                try:
                    text.encode()
                except UnicodeEncodeError:
                    raise ValueError("text without half a surrogate pair") from None
        return value


# --- catalogue ------------------------------------------------------------------------------------


class SettingInfo(Message):
    """A setting with its range (see `lrd_core.settings.Setting`)."""

    name: str
    label: str
    kind: Literal["float", "int", "bool", "choice"]
    default: Value
    low: float | None
    high: float | None
    low_open: bool
    high_open: bool
    choices: list[str]
    allowed: str
    help: str
    log: bool
    live: bool


class OptimizerInfo(Message):
    name: str
    label: str
    paper: str
    settings: list[SettingInfo]


class PolicyInfo(Message):
    """A way to leave out a part of an update (see `lrd_core.optim.policies.Policy`).

    `unit` is what one coin decides; "" where no coin alone decides. `acts_on` is what is changed:
    the update, or the gradient before the optimizer sees it.
    """

    name: str
    label: str
    help: str
    paper: str
    unit: Unit
    acts_on: Literal["update", "gradient"]
    settings: list[SettingInfo]


class PointInfo(Message):
    x: float
    y: float
    kind: Literal["minimum", "local minimum", "saddle"]


class SurfaceInfo(Message):
    """What a drawing of the surface needs."""

    formula: str
    x: tuple[float, float]
    y: tuple[float, float]
    log: bool
    points: list[PointInfo]
    minimum: float


class ProblemInfo(Message):
    name: str
    label: str
    kind: Literal["surface", "task"]
    about: str
    settings: list[SettingInfo]
    suggested_lr: dict[str, float]
    steps: int
    speed: float
    test_every: int
    data: str = Field(description="name of the data set it needs; empty if none")
    surface: SurfaceInfo | None


class Catalogue(Message):
    """Everything a menu can offer."""

    problems: list[ProblemInfo]
    optimizers: list[OptimizerInfo]
    policies: list[PolicyInfo]
    drop_rate: SettingInfo
    rescale: SettingInfo
    max_runs: int
    devices: list[str] = Field(description="names of the devices of this machine, best first")
    version: str


class Grid(Message):
    """Values of a surface: z[j][i] at (x[i], y[j])."""

    x: list[float]
    y: list[float]
    z: list[list[float]]


# --- data -----------------------------------------------------------------------------------------


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


# --- experiments ----------------------------------------------------------------------------------


class RunIn(Input):
    """A run to train; what is missing comes from the defaults of optimizer, policy and problem."""

    optimizer: str
    settings: dict[str, Value] = {}
    drop_rate: float = 0.0
    policy: str = "elementwise"
    policy_settings: dict[str, Value] = {}
    rescale: bool = False
    label: str = ""


class RunPatch(RunIn):
    """The parts of a run that are given; what a fork leaves out is as its parent has it."""

    optimizer: str = ""


class LimitsIn(Input):
    """What a job may use at most; None is no limit. Steps have a limit of their own: `steps`.

    They count anew when an experiment is resumed.
    """

    seconds: float | None = Field(None, gt=0, description="wall time from its first step")
    memory_mb: float | None = Field(None, gt=0, description="resident memory of its process")


class ExperimentIn(Input):
    """An experiment to start; without `runs` the problem's default comparison."""

    problem: str = "beale"
    settings: dict[str, Value] = {}
    seed: int = 0
    steps: int | None = None
    speed: float | None = None
    runs: list[RunIn] | None = None
    shared_masks: bool = True
    test_every: int | None = None
    seeds: int = 1
    device: str = "auto"
    curvature_every: int = 0
    limits: LimitsIn = LimitsIn()
    paused: bool = False
    name: str = Field("", max_length=100)
    replaces: str | None = Field(None, description="experiment to stop once this one has started")


class Limits(Message):
    """`LimitsIn` as stored."""

    seconds: float | None = None
    memory_mb: float | None = None


class Queued(Message):
    """It waits for a place: since when (Unix seconds), and how it begins when it has one."""

    at: float
    paused: bool
    who: str = ""


class Run(Message):
    id: str
    slot: int
    label: str
    optimizer: str
    settings: dict[str, Value]
    drop_rate: float
    policy: str
    policy_settings: dict[str, Value]
    rescale: bool
    mask_seed: int
    mask_slot: int = -1
    parent: str = Field("", description="the run whose first `fork_step` steps it shares")
    fork_step: int = 0
    replay: str = Field(
        "",
        description="what came of comparing steps that were made again with the record: empty "
        "(nothing was), 'equal' or a sentence with the first step that differs",
    )
    state: RunState
    step: int
    diverged_step: int | None
    message: str
    how: str = Field(
        "",
        description="how its steps are computed, in words: stacked with other runs, or why not; "
        "empty before the first one in this process, and on surfaces",
    )


class Tensor(Message):
    name: str
    shape: list[int]


class Experiment(Message):
    """An experiment as it stands; always whole, so that the newest one replaces all before."""

    id: str
    name: str
    created_at: datetime
    problem: str
    kind: Literal["surface", "task"]
    settings: dict[str, Value]
    seed: int
    steps: int
    speed: float
    shared_masks: bool
    test_every: int
    seeds: int = 1
    device: str = "cpu"
    threads: int = 1
    curvature_every: int = 0
    limits: Limits = Limits()
    queue: Queued | None = None
    state: State
    message: str
    step: int
    runs: list[Run]
    tensors: list[Tensor]
    replaces: str | None
    replaced_by: str | None
    connected: bool = Field(description="its worker process is there: controls will be applied")


class ExperimentSummary(Message):
    """A row of the list of experiments."""

    id: str
    name: str
    created_at: datetime
    problem: str
    kind: Literal["surface", "task"]
    seed: int
    state: State
    step: int
    steps: int
    runs: int
    labels: list[str] = Field(description="a run each: its label, or optimizer, policy, rate")
    slots: list[int] = Field(description="a run each: its colour and glyph")


Number = float | Literal["NaN", "Infinity", "-Infinity"]


class Series(Message):
    """Values of one run by column, as JSON.

    JSON has no NaN or infinity: they are the strings "NaN", "Infinity" and "-Infinity", which
    JavaScript's `Number()` and Python's `float()` read back.
    """

    run: str
    columns: dict[str, Points]


class Points(Message):
    """One column: `values[i]` belongs to `steps[i]`."""

    steps: list[int]
    values: list[Number]


class Command(Message):
    """The command line that computes the same numbers."""

    command: str


# --- controls -------------------------------------------------------------------------------------


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


# --- jobs and devices -----------------------------------------------------------------------------


class GpuUsage(Message):
    """A GPU as NVML sees it; None for what it does not tell, or where it is missing."""

    memory_used_mb: float | None
    memory_total_mb: float | None
    utilisation: float | None = Field(description="percent of the last second")


class Usage(Message):
    """What a job's process uses; the view ``usage`` of its experiment."""

    cpu: float = Field(description="percent of one core")
    memory_mb: float = Field(description="resident memory of its process")
    threads: int
    device: str
    gpu: GpuUsage | None = Field(description="the whole device's; None on a CPU")


class JobInfo(Message):
    """An experiment that has a worker process or waits for one."""

    experiment: str
    name: str
    problem: str
    state: State
    step: int
    steps: int
    device: str
    threads: int
    position: int | None = Field(description="place in the queue, 1 is the next; None: not in it")
    viewers: int
    usage: Usage | None


class DeviceInfo(Message):
    """Where experiments can train, and how busy it is."""

    name: str
    label: str
    kind: Literal["cpu", "cuda", "mps"]
    cores: int | None = Field(description="of a CPU")
    memory_used_mb: float | None
    memory_total_mb: float | None
    utilisation: float | None = Field(description="percent")
    jobs: int = Field(description="experiments that hold it")
    max_jobs: int | None = Field(description="at the same time; None: only as all devices together")


# --- swarms ---------------------------------------------------------------------------------------


class SwarmIn(Input):
    """Basin pictures to compute: n × n starts over a surface's view, one picture a run.

    The answer is MessagePack, see `backend.api.swarms`. `own` masks: every start has its own coins;
    `shared`: all have those of one run. `client` is who asks, any text that a page keeps: of its
    requests that wait only the newest is computed.
    """

    problem: str = "beale"
    n: int = 128
    steps: int = 500
    seed: int = 0
    masks: Literal["own", "shared"] = "own"
    runs: list[RunIn]
    client: str = Field("", max_length=40)


# --- errors, health -------------------------------------------------------------------------------


class ErrorDetail(Message):
    """What was wrong: the field, its value, what is allowed, and one sentence with all three."""

    field: str
    value: Any
    allowed: str
    message: str


class ErrorOut(Message):
    error: ErrorDetail


class Health(Message):
    status: Literal["ok"]
    version: str
    store: str
    jobs: int
    viewers: int


# --- viewer stream: backend → browser -------------------------------------------------------------


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

    `name` is ``plane``, ``contour``, ``picture`` or ``usage``.
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


# --- viewer stream: browser → backend -------------------------------------------------------------


class Ping(Input):
    type: Literal["ping"]
