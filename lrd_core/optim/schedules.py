"""Drop rates as pure functions of the step's number: resuming needs no state of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar

from lrd_core.settings import DROP_RATE, Setting, SettingError

_STEPS = Setting("steps", 1, low=1)
_FACTOR = Setting("factor", 0.5, low=0.0, high=1.0)


@dataclass(frozen=True)
class Schedule:
    """A drop rate for every step; subclasses say how.

    Raises:
        SettingError: on construction, a drop rate outside [0, 1), a factor outside [0, 1] or a
            length below 1.
    """

    kind: ClassVar[str]

    def __call__(self, step: int) -> float:
        """The drop rate of a step, counted from 1."""
        raise NotImplementedError

    def __post_init__(self) -> None:
        checks = {"rate": DROP_RATE, "start": DROP_RATE, "end": DROP_RATE}
        checks |= {"steps": _STEPS, "every": _STEPS, "factor": _FACTOR}
        for entry in fields(self):
            if entry.name in checks:
                value = checks[entry.name].check(getattr(self, entry.name), entry.name)
                object.__setattr__(self, entry.name, value)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for checkpoints."""
        return {"kind": self.kind, **asdict(self)}


@dataclass(frozen=True)
class Constant(Schedule):
    """The same rate at every step."""

    kind = "constant"
    rate: float

    def __call__(self, step: int) -> float:
        return self.rate


@dataclass(frozen=True)
class Linear(Schedule):
    """From `start` at step 1 to `end` at step `steps`, in equal parts; `end` from then on."""

    kind = "linear"
    start: float
    end: float
    steps: int

    def __call__(self, step: int) -> float:
        share = min(1.0, (step - 1) / max(1, self.steps - 1))
        if share == 1.0:
            return self.end
        return self.start + (self.end - self.start) * share


@dataclass(frozen=True)
class Cosine(Schedule):
    """From `start` to `end` along half a cosine (Loshchilov and Hutter 2017, arXiv:1608.03983)."""

    kind = "cosine"
    start: float
    end: float
    steps: int

    def __call__(self, step: int) -> float:
        share = min(1.0, (step - 1) / max(1, self.steps - 1))
        if share == 1.0:
            return self.end
        return self.end + (self.start - self.end) * (1 + math.cos(math.pi * share)) / 2


@dataclass(frozen=True)
class StepDecay(Schedule):
    """`start`, multiplied by `factor` after every `every` steps."""

    kind = "step"
    start: float
    factor: float
    every: int

    def __call__(self, step: int) -> float:
        return float(self.start * self.factor ** ((step - 1) // self.every))


@dataclass(frozen=True)
class WarmUp(Schedule):
    """Rises from 0 in `steps` equal parts to what `then` begins with, and goes on with `then`.

    Step 1 has 1/`steps` of the rate; `then` counts its steps from the end of the rise.
    """

    kind = "warm_up"
    steps: int
    then: Schedule

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.then, Schedule):
            raise SettingError("then", self.then, "a schedule, such as Constant(0.5)")

    def __call__(self, step: int) -> float:
        if step <= self.steps:
            return self.then(1) * step / self.steps
        return self.then(step - self.steps)

    def to_dict(self) -> dict[str, Any]:
        return {"kind": self.kind, "steps": self.steps, "then": self.then.to_dict()}


SCHEDULES: Mapping[str, Callable[..., Schedule]] = {
    schedule.kind: schedule for schedule in (Constant, Linear, Cosine, StepDecay, WarmUp)
}


def schedule_from(values: Mapping[str, Any]) -> Schedule:
    """The schedule that `Schedule.to_dict` gave these values.

    Raises:
        SettingError: an unknown kind or values that don't fit it.
    """
    given = dict(values)
    kind = given.pop("kind", None)
    if kind not in SCHEDULES:
        raise SettingError("kind", kind, "one of " + ", ".join(SCHEDULES))
    if isinstance(given.get("then"), Mapping):
        given["then"] = schedule_from(given["then"])
    try:
        return SCHEDULES[kind](**given)
    except TypeError as error:
        raise SettingError("schedule", dict(values), f"the values of {kind} ({error})") from None
