"""Learning rates as pure functions of the step's number: resuming needs no state of them.

The learning rate of a step is the one that is set on the run times the factor of its schedule, so
that a changed learning rate moves the whole schedule with it.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from lrd_core.settings import Setting, SettingError, Value, check_settings

#: Milestones of one schedule, at most, and the largest.
MOST, LARGEST = 64, 10_000_000

#: A step, counted from 1, to its factor.
Factor = Callable[[int], float]


@dataclass(frozen=True)
class Milestones(Setting):
    """Whole numbers that rise, as text: ``"100,150"``; one alone may be a number."""

    def allowed(self) -> str:
        """What `check` accepts, in words."""
        return f"at most {MOST} rising whole numbers in [1, {LARGEST:g}], e.g. 100,150"

    def check(self, value: object, field: str | None = None) -> Value:
        """`value` as text without spaces.

        Raises:
            SettingError: anything else.
        """
        error = SettingError(field or self.name, value, self.allowed())
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise error
        parts = [part.strip() for part in str(value).split(",")]
        if len(parts) > MOST or not all(p.isascii() and p.isdigit() and len(p) < 9 for p in parts):
            raise error
        numbers = [int(part) for part in parts]
        if numbers[0] < 1 or numbers[-1] > LARGEST or numbers != sorted(set(numbers)):
            raise error
        return ",".join(map(str, numbers))


def milestones(text: Value) -> list[int]:
    """The numbers of a checked `Milestones`."""
    return [int(part) for part in str(text).split(",")]


WARM_UP = Setting(
    "warm_up",
    0,
    low=0,
    high=LARGEST,
    label="warm-up",
    help="Steps in which the learning rate grows in equal parts to its full value; 0 for none.",
    live=False,
)
_AT = Milestones(
    "at", "100,150", help="Epochs, or steps, after which the learning rate changes.", live=False
)
_UNIT = Setting("unit", "epochs", choices=("epochs", "steps"), help="What is counted.", live=False)
_FACTOR = Setting(
    "factor",
    0.1,
    low=0.0,
    high=1.0,
    low_open=True,
    help="What the learning rate is multiplied by each time.",
    live=False,
)
_STEPS = Setting(
    "steps",
    0,
    low=0,
    high=LARGEST,
    help="Steps until the floor is reached; 0 for the experiment's as it was started.",
    live=False,
)
_FLOOR = Setting(
    "floor",
    0.0,
    low=0.0,
    high=1.0,
    help="Where it ends, as a share of the learning rate that is set.",
    live=False,
)


@dataclass(frozen=True)
class LrSchedule:
    """How a run's learning rate follows its steps.

    Attributes:
        name: key, e.g. ``"cosine"``.
        label, help: words shown to a person.
        paper: where the formula is from; may be empty.
        settings: settings with their ranges; always has ``warm_up``.
        shape: the factor of every step without warm-up, from checked settings and the number of
            steps an epoch; None is 1 at every step.
    """

    name: str
    label: str
    help: str
    paper: str
    settings: tuple[Setting, ...]
    shape: Callable[[Mapping[str, Value], int], Factor] | None


def _step(settings: Mapping[str, Value], steps_per_epoch: int) -> Factor:
    """γⁿ, n the number of milestones that lie before the step: after milestone m (epochs, or
    steps) whole ones; torch's `MultiStepLR`. He et al. 2016 (arXiv:1512.03385) divide by 10."""
    unit = steps_per_epoch if settings["unit"] == "epochs" else 1
    at = [unit * milestone for milestone in milestones(settings["at"])]
    gamma = float(settings["factor"])
    powers = [gamma**n for n in range(len(at) + 1)]
    return lambda step: powers[bisect_left(at, step)]


def _cosine(settings: Mapping[str, Value], steps_per_epoch: int) -> Factor:
    """φ + (1 − φ) (1 + cos(π t / T)) / 2 with t = step − 1 and the floor φ, which stays from
    t = T on (Loshchilov and Hutter 2017, arXiv:1608.03983, equation 5, without restarts)."""
    floor, last = float(settings["floor"]), int(settings["steps"])

    def factor(step: int) -> float:
        if step > last:
            return floor
        return floor + (1 - floor) * (1 + math.cos(math.pi * (step - 1) / last)) / 2

    return factor


def _warm(steps: int, shape: Factor | None) -> Factor:
    """min(1, step / W) times the shape: gradual warm-up (Goyal et al. 2017, arXiv:1706.02677, §2.2)
    from 1 / W; torch's `LinearLR(start_factor=1 / W, total_iters=W - 1)`."""
    if shape is None:
        return lambda step: min(1.0, step / steps)
    return lambda step: min(1.0, step / steps) * shape(step)


LR_SCHEDULES: dict[str, LrSchedule] = {
    schedule.name: schedule
    for schedule in (
        LrSchedule("constant", "constant", "The learning rate as it is set.", "", (WARM_UP,), None),
        LrSchedule(
            "step",
            "step",
            "The learning rate is multiplied by a factor after some epochs or steps.",
            "He, Zhang, Ren and Sun 2016, arXiv:1512.03385",
            (_AT, _UNIT, _FACTOR, WARM_UP),
            _step,
        ),
        LrSchedule(
            "cosine",
            "cosine",
            "The learning rate falls to a floor along half a cosine.",
            "Loshchilov and Hutter 2017, arXiv:1608.03983",
            (_STEPS, _FLOOR, WARM_UP),
            _cosine,
        ),
    )
}
CONSTANT = "constant"


def get_lr_schedule(name: object) -> LrSchedule:
    """The schedule of this name.

    Raises:
        SettingError: there is none; the message lists those that exist.
    """
    if not isinstance(name, str) or name not in LR_SCHEDULES:
        raise SettingError("schedule", name, "one of " + ", ".join(LR_SCHEDULES))
    return LR_SCHEDULES[name]


def check_lr_schedule(
    name: object, given: Mapping[str, object], steps: int, kind: Literal["surface", "task"]
) -> tuple[str, dict[str, Value]]:
    """Name and settings, with the defaults filled in.

    Args:
        given: settings by name.
        steps: of the experiment, which a cosine covers unless it is told how many.
        kind: of the problem: a surface has no epochs.

    Raises:
        SettingError: its field is ``schedule`` or begins with ``schedule_settings``.
    """
    schedule = get_lr_schedule(name)
    settings = check_settings(schedule.settings, given, "schedule_settings")
    if settings.get("unit") == "epochs" and kind == "surface":
        mend = "steps: a surface has no epochs"
        raise SettingError("schedule_settings.unit", "epochs", mend)
    if settings.get("steps") == 0:
        settings["steps"] = steps
    return schedule.name, settings


def lr_factor(name: str, given: Mapping[str, Value], steps_per_epoch: int) -> Factor | None:
    """The factor of every step of a checked schedule; None where it is 1 at all of them.

    What `given` lacks has its default.
    """
    schedule = get_lr_schedule(name)
    settings = {setting.name: setting.default for setting in schedule.settings} | dict(given)
    shape = None if schedule.shape is None else schedule.shape(settings, steps_per_epoch)
    warm_up = int(settings["warm_up"])
    return _warm(warm_up, shape) if warm_up > 1 else shape
