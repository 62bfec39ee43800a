"""A run's past: what it began as and what was changed at which step, so that any of its states
can be made again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from lrd_core.engine.controls import RunState
from lrd_core.engine.experiment import POLICY_PREFIX, RunSpec
from lrd_core.settings import Value


@dataclass(frozen=True)
class Changed:
    """A setting with its new value; `step` is the first step that used it."""

    step: int
    setting: str
    value: Value


@dataclass
class Past:
    """One run.

    Attributes:
        spec: as it was at its first step of its own: 1, or ``spec.fork_step + 1``.
        changes: in the order in which they were made.
    """

    spec: RunSpec
    changes: list[Changed] = field(default_factory=list)


@dataclass(frozen=True)
class RunRecord:
    """A run as the record has it: `spec` with today's settings, rows up to `step`."""

    past: Past
    spec: RunSpec
    state: RunState
    step: int
    diverged_step: int | None = None


@dataclass(frozen=True)
class Resume:
    """An experiment as the record has it, to go on from there."""

    step: int
    steps: int
    speed: float
    runs: list[RunRecord]


@dataclass(frozen=True)
class Act:
    """What is to be done before `step` is made: become a run, or change a setting."""

    step: int
    become: RunSpec | None = None
    change: Changed | None = None


@dataclass(frozen=True)
class Stretch:
    """Steps `first` to `last` (both included) that `run` recorded."""

    run: str
    first: int
    last: int


@dataclass(frozen=True)
class Timeline:
    """How to come to a state: who to begin as, what to do on the way, who recorded which steps."""

    begin: RunSpec
    acts: list[Act]
    stretches: list[Stretch]

    def after(self, step: int) -> list[Act]:
        """What is still to be done for somebody who has made `step` steps."""
        return [act for act in self.acts if act.step > step]

    def recorded(self, step: int) -> str:
        """The run whose record holds `step`."""
        return next(s.run for s in self.stretches if s.first <= step <= s.last)

    def runs(self) -> list[str]:
        """All runs whose steps it goes through, the newest first."""
        return [stretch.run for stretch in reversed(self.stretches)]


def timeline(pasts: Mapping[str, Past], run: str, step: int) -> Timeline:
    """The way of `run` to its state after `step`; a fork's begins with its parent's.

    Raises:
        KeyError: a run that `pasts` lacks.
    """
    past = pasts[run]
    spec = past.spec
    own = [Act(c.step, change=c) for c in past.changes if c.step <= step]
    if not spec.parent:
        return Timeline(spec, own, [Stretch(run, 1, step)])
    before = timeline(pasts, spec.parent, spec.fork_step)
    acts = [*before.acts, Act(spec.fork_step + 1, become=spec), *own]
    stretch = Stretch(run, spec.fork_step + 1, step)
    return Timeline(before.begin, acts, [*before.stretches, stretch])


def spec_at(past: Past, step: int) -> RunSpec:
    """A run's settings for step `step` + 1, as far as the changes up to `step` have made them."""
    spec = past.spec
    for change in past.changes:
        if change.step <= step:
            spec = changed(spec, change.setting, change.value)
    return spec


def changed(spec: RunSpec, setting: str, value: Value) -> RunSpec:
    """`spec` with one setting changed."""
    if setting == "drop_rate":
        return replace(spec, drop_rate=float(value))
    if setting.startswith(POLICY_PREFIX):
        name = setting.removeprefix(POLICY_PREFIX)
        return replace(spec, policy_settings=spec.policy_settings | {name: value})
    return replace(spec, settings=spec.settings | {setting: value})
