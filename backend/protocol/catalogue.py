"""What a menu can offer: problems, optimizers, policies and their settings."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from backend.protocol.base import Input, Message, Value
from lrd_core.optim.policies.policy import Unit


class SettingInfo(Message):
    """A setting with its range (see `lrd_core.settings.Setting`)."""

    name: str
    label: str
    kind: Literal["float", "int", "bool", "choice", "text"]
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


class LrScheduleInfo(Message):
    """How a learning rate follows the steps (see `lrd_core.optim.lr_schedules`)."""

    name: str
    label: str
    help: str
    paper: str
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
    rotation: float = 0.0
    pivot: tuple[float, float] = Field(description="what the surface turns about")


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
    examples: int = Field(
        description="training examples of an epoch; 0 if there are none, or it is not known"
    )
    surface: SurfaceInfo | None


class Catalogue(Message):
    """Everything a menu can offer."""

    problems: list[ProblemInfo]
    optimizers: list[OptimizerInfo]
    policies: list[PolicyInfo]
    schedules: list[LrScheduleInfo]
    drop_rate: SettingInfo
    rescale: SettingInfo
    max_runs: int
    devices: list[str] = Field(description="names of the devices of this machine, best first")
    version: str


class SurfaceIn(Input):
    """A surface to draw: its settings as an experiment has them, the start left out."""

    problem: str
    settings: dict[str, Value] = Field(default_factory=dict)
    n: int = 160


class SurfaceOut(Message):
    """What a drawing of it needs."""

    surface: SurfaceInfo
    grid: Grid


class Grid(Message):
    """Values of a surface: z[j][i] at (x[i], y[j])."""

    x: list[float]
    y: list[float]
    z: list[list[float]]
