"""Experiments and their runs: to start one, and as it stands."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Literal

from pydantic import Field, field_validator

from backend.protocol.base import Input, Message, Value
from lrd_core.engine.controls import RunState, State

MOST_TAGS = 20
TAG = re.compile(r"[^,\r\n]{1,40}")


class RunIn(Input):
    """A run to train; what is missing comes from the defaults of optimizer, policy and problem."""

    optimizer: str
    settings: dict[str, Value] = Field(default_factory=dict)
    drop_rate: float = 0.0
    policy: str = "elementwise"
    policy_settings: dict[str, Value] = Field(default_factory=dict)
    rescale: bool = False
    label: str = ""
    schedule: str = "constant"
    schedule_settings: dict[str, Value] = Field(default_factory=dict)


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
    settings: dict[str, Value] = Field(default_factory=dict)
    seed: int = 0
    steps: int | None = None
    speed: float | None = None
    runs: list[RunIn] | None = None
    shared_masks: bool = True
    test_every: int | None = None
    seeds: int = 1
    device: str = "auto"
    node: str = Field(
        "", max_length=60, description="the node that trains it; empty: wherever there is a place"
    )
    curvature_every: int = 0
    limits: LimitsIn = LimitsIn()
    paused: bool = False
    name: str = Field("", max_length=100)
    replaces: str | None = Field(None, description="experiment to stop once this one has started")


class ExperimentPatch(Input):
    """What people write about an experiment; what is left out stays."""

    name: str | None = Field(None, max_length=100)
    notes: str | None = Field(None, max_length=20_000, description="Markdown")
    tags: list[str] | None = Field(None, max_length=MOST_TAGS)

    @field_validator("tags")
    @classmethod
    def _tidy(cls, tags: list[str] | None) -> list[str] | None:
        """Each once, without blanks around it."""
        if tags is None:
            return None
        tidy = [tag.strip() for tag in tags]
        for tag in tidy:
            if not TAG.fullmatch(tag):
                raise ValueError("tags of 1 to 40 characters, without commas and line breaks")
        return list(dict.fromkeys(tidy))


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
    schedule: str = Field("constant", description="of its learning rate; settings.lr is its base")
    schedule_settings: dict[str, Value] = Field(default_factory=dict)
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
    node: str = Field("", description="the node that trains it; empty: the server's own machine")
    sweep: str = Field("", description="the sweep whose cells it trains; empty for none")
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
    notes: str = Field("", description="Markdown")
    tags: list[str] = Field(default_factory=list)
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
    tags: list[str]
    labels: list[str] = Field(description="a run each: its label, or optimizer, policy, rate")
    slots: list[int] = Field(description="a run each: its colour and glyph")


Number = float | Literal["NaN", "Infinity", "-Infinity"]


class Series(Message):
    """Values of one run by column, as JSON: rows, or buckets where they are more than four a pixel.

    JSON has no NaN or infinity: they are the strings "NaN", "Infinity" and "-Infinity", which
    JavaScript's `Number()` and Python's `float()` read back.
    """

    run: str
    columns: dict[str, Points | BucketsOut]


class ColumnNames(Message):
    """What a run has measured."""

    run: str
    columns: list[str]


class EffectiveSteps(Message):
    """`values[i]` is the effective step of step `steps[i]`: the sum, over the steps from the first
    that was asked for to this one, of learning rate × share of coordinates that were kept; with
    `rescale` divided by 1 − drop rate, as the updates are."""

    run: str
    steps: list[int]
    values: list[float]


class StepTimes(Message):
    """When (Unix seconds) some of a run's steps were stored: about one a second."""

    run: str
    steps: list[int]
    at: list[float]


class Points(Message):
    """One column: `values[i]` belongs to `steps[i]`."""

    steps: list[int]
    values: list[Number]


class BucketsOut(Message):
    """One column in buckets: entry i of each list is about the rows from step `first[i]` to
    `last[i]`.

    `count` are the rows, `bad` those of them that are NaN or infinite; `min` and `max` are of the
    others, NaN if there are none; `final` is the value of the last row.
    """

    first: list[int]
    last: list[int]
    count: list[int]
    bad: list[int]
    min: list[Number]
    max: list[Number]
    final: list[Number]


class Command(Message):
    """The command line that computes the same numbers."""

    command: str
