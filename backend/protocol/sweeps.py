"""Sweeps: a grid of two settings, whose cells are trained by ordinary experiments."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from backend.protocol.base import Input, Message, Value
from backend.protocol.experiments import RunIn

#: What has become of a cell: `stopped` was ended before its last step, `gone` is not stored any
#: more.
CellState = Literal["waiting", "running", "paused", "finished", "diverged", "stopped", "gone"]
#: Of a whole sweep; `finished` as well if runs diverged, `stopped` if cells lack steps and nothing
#: trains any more.
SweepState = Literal["queued", "running", "paused", "finished", "stopped"]


class SweepAxisIn(Input):
    """One axis: a setting and its values, which are put in order."""

    setting: str = Field(
        max_length=100,
        description="drop_rate, a number among the optimizer's settings, or policy.NAME",
    )
    values: list[float] = Field(max_length=1000, description="1 to 16 different numbers")


class SweepIn(Input):
    """A sweep to start; `run` holds what all cells have in common."""

    problem: str = "digits"
    settings: dict[str, Value] = Field(default_factory=dict, description="of the problem")
    run: RunIn = Field(default_factory=lambda: RunIn(optimizer="adam"))
    x: SweepAxisIn
    y: SweepAxisIn
    seed: int = 0
    seeds: int = Field(1, description="each cell is trained with so many seeds, from `seed` on")
    steps: int | None = None
    test_every: int | None = None
    name: str = Field("", max_length=60)


class SweepPatch(Input):
    """What people write about a sweep."""

    name: str = Field(max_length=60)


class SweepAxis(Message):
    """An axis: its setting, that setting's words for a person, and its values in order."""

    setting: str
    label: str
    values: list[float]


class Sweep(Message):
    """A sweep as it stands.

    `grid[j]` are the experiments that train the row of `y.values[j]`: one, in which every run has
    the seeds as copies, or on a surface one a seed. Run ``r1`` is the cell of the first value of x.
    `window` is the number of last steps that `loss` is the mean of.
    """

    id: str
    name: str
    created_at: datetime
    problem: str
    kind: Literal["surface", "task"]
    settings: dict[str, Value]
    optimizer: str
    policy: str
    x: SweepAxis
    y: SweepAxis
    seed: int
    seeds: int
    steps: int
    test_every: int
    grid: list[list[str]]
    measures: list[str] = Field(description="names of what is measured of a cell, first the main")
    window: int
    state: SweepState
    progress: float = Field(description="share of all steps that were made")
    suggested_lr: float = Field(description="learning rate that suits the optimizer here")


class SweepValue(Message):
    """One measure of a cell over its seeds: `n` of them have it. `mean` is None where none has,
    `sd` (sample standard deviation) where fewer than two have."""

    mean: float | None
    sd: float | None
    n: int


class SweepCell(Message):
    """A cell as last looked at: `x`, `y` are its places on the axes, from 0. `changed` says that
    a control gave its run another value than the axes say."""

    x: int
    y: int
    state: CellState
    step: int
    diverged_step: int | None
    changed: bool
    message: str = Field(description="why it was ended before its last step; empty if it was not")
    values: dict[str, SweepValue]


class SweepCells(Message):
    """The cells that are new after a cursor, all of them if it is of another `board`.

    `cursor` is to be sent the next time.
    """

    cursor: str
    state: SweepState
    progress: float
    cells: list[SweepCell]
