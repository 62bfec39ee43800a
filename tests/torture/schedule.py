"""What befalls an experiment and when: a function of the schedule's number alone."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

STEPS = 2400
#: Steps a second while faults come; afterwards as many as can be made.
SPEED = 400
RUNS = [
    {"optimizer": "adam", "drop_rate": 0.5},
    {"optimizer": "sgd", "settings": {"lr": 0.001, "momentum": 0.9}, "drop_rate": 0.3},
]

#: Every fault with the seconds that it lasts, at least and at most.
FAULTS = {
    "kill worker": (0.0, 1.0),
    "kill backend": (0.0, 2.0),
    "cut": (0.1, 3.0),
    "stall": (0.1, 3.0),
    "half close": (0.1, 1.0),
    "slow disk": (0.5, 3.0),
    "full disk": (0.5, 3.0),
    "clock": (0.5, 3.0),
}
#: What befalls only those that train on another machine.
NODE_FAULTS = {"kill node": (0.0, 2.0)}
#: Every second schedule is of an experiment there.
NODE = "box"
#: Seconds by which a clock jumps.
SHIFTS = (-1e6, -3600.0, 86400.0)
#: Not a fault: somebody changes a drop rate.
CHANGE = "change"


@dataclass(frozen=True)
class Event:
    """At a second after the start, a fault begins or ends."""

    at: float
    what: str
    begins: bool
    value: float


@dataclass(frozen=True)
class Schedule:
    number: int
    parts: dict[str, Any]
    events: list[Event]

    def __str__(self) -> str:
        told = (f"{e.at:.2f} {'' if e.begins else 'end of '}{e.what}" for e in self.events)
        where = f" on {self.parts['node']}" if self.parts["node"] else ""
        return f"schedule {self.number}: {self.parts['problem']}{where}; {', '.join(told)}"


def schedule(number: int) -> Schedule:
    """Schedule `number`: each one has one fault of its own; the others are drawn."""
    dice = random.Random(number)
    # Every fault comes to both kinds, however many schedules are run.
    names = [*FAULTS, *NODE_FAULTS] if number % 2 else [*FAULTS]
    faults = [names[number // 2 % len(names)], *dice.choices(names, k=dice.randint(2, 4))]
    dice.shuffle(faults)
    events = [*_faults(dice, faults), *_changes(dice)]
    return Schedule(number, _parts(number), sorted(events, key=lambda event: event.at))


def _parts(number: int) -> dict[str, Any]:
    problem = ("digits", "beale", "spirals")[number % 3]
    settings = {} if problem == "beale" else {"width": 8, "batch": 16}
    parts = {"problem": problem, "settings": settings, "runs": RUNS, "steps": STEPS}
    return parts | {"seed": number, "node": NODE if number % 2 else ""}


def _faults(dice: random.Random, faults: list[str]) -> Iterator[Event]:
    at = 0.0
    for name in faults:
        at += dice.uniform(0.1, 2.0)
        seconds = dice.uniform(*(FAULTS | NODE_FAULTS)[name])
        value = (
            dice.choice([-1e6, -3600.0, 86400.0]) if name == "clock" else dice.uniform(0.05, 0.5)
        )
        yield Event(at, name, True, value)
        yield Event(at + seconds, name, False, value)


def _changes(dice: random.Random) -> Iterator[Event]:
    for _ in range(dice.randint(0, 2)):
        yield Event(dice.uniform(0.2, 5.0), CHANGE, True, dice.choice([0.0, 0.2, 0.7]))
