"""Controls: changes made while a job trains, applied between two steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Protocol

from lrd_core.engine.frames import Taken
from lrd_core.settings import Value

Kind = Literal[
    "set",
    "play",
    "pause",
    "step",
    "stop",
    "speed",
    "extend",
    "add_run",
    "remove_run",
    "restore_run",
    "fork",
    "checkpoint",
    "resume",
    "watch",
    "contour",
    "curvature",
]
KINDS: tuple[Kind, ...] = (
    "set", "play", "pause", "step", "stop", "speed", "extend", "add_run", "remove_run",
    "restore_run", "fork", "checkpoint", "resume", "watch", "contour", "curvature",
)  # fmt: skip

RunState = Literal["running", "finished", "diverged", "removed"]
State = Literal[
    "queued",
    "starting",
    "running",
    "paused",
    "finished",
    "diverged",
    "cancelled",
    "failed",
]


@dataclass(frozen=True)
class Control:
    """One change.

    Attributes:
        id: chosen by the sender; comes back in `Applied`.
        kind: ``set`` (setting, value, run or all), ``play``, ``pause``, ``step`` (value steps, then
            paused), ``stop``, ``speed`` (steps/s), ``extend`` (value further steps), ``add_run``
            (spec), ``remove_run``, ``restore_run``, ``fork`` (run, value: the last shared step,
            spec: what differs), ``checkpoint``, ``watch`` (run, setting: a tensor's name; value:
            None, or ``layers``, ``samples`` or ``arrows``, see `background`; without a setting no
            more),
            ``contour`` (setting: ``plane`` or ``filter``; run: the centre's, for ``filter``),
            ``curvature`` (value steps between two measurements, 0 for none). ``resume`` is the
            backend's own: an ended experiment goes on in a new process.
        run: id of the run; None means every run.
        setting: ``drop_rate``, the name of a numeric optimizer setting, or ``policy.NAME`` for a
            numeric setting of the policy.
        spec: the parts of a run for ``add_run`` (see `experiment.check_run`); for ``fork`` those
            that differ from the parent's.
    """

    id: str
    kind: Kind
    run: str | None = None
    setting: str | None = None
    value: Value | None = None
    spec: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Change:
    """One setting of one run, before and after; `step` is the first step that uses it."""

    run: str | None
    setting: str
    old: Value | None
    new: Value | None
    step: int


@dataclass(frozen=True)
class Applied:
    """The answer to a control.

    Attributes:
        id: the control's.
        step: first step that uses it. For one run that is catching up, that run's own; a change
            of every run says in `changes` where a run that catches up differs.
        received_step: steps completed (of that run, or of the experiment) when it was taken up.
        changes: what changed, one entry a run and setting.
        run: for ``add_run`` and ``restore_run``, the run's whole specification as a dictionary.
        error: field, value and allowed range if it was refused; then nothing changed.
    """

    id: str
    step: int
    received_step: int
    changes: list[Change] = field(default_factory=list)
    run: dict[str, Any] | None = None
    error: dict[str, Any] | None = None


@dataclass(frozen=True)
class RunStatus:
    """Where one run stands; `how` its steps are computed, in words."""

    id: str
    slot: int
    state: RunState
    step: int
    diverged_step: int | None = None
    message: str = ""
    how: str = ""


@dataclass(frozen=True)
class Replayed:
    """Steps that were made again to come back to a state: `losses[i]` is of step `first` + i.

    They are to be compared with what `run` recorded; equal to the bit on the same device.
    """

    run: str
    first: int
    losses: list[float]


@dataclass(frozen=True)
class Status:
    """Where an experiment stands; sent at every change, and once a second while it trains."""

    state: State
    step: int
    steps: int
    speed: float
    runs: list[RunStatus]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class Sink(Protocol):
    """Where a loop's output goes: a backend, a file, a progress display."""

    def frame(self, rows: Taken) -> None:
        """The rows since the last frame; whatever time it takes is the training's."""
        ...

    def applied(self, applied: Applied) -> None: ...

    def status(self, status: Status) -> None: ...

    def replayed(self, run: str, parts: list[Replayed]) -> None:
        """`run` was brought back to a state by making these steps again."""
        ...

    def view(self, name: str, content: dict[str, Any]) -> None:
        """The newest state of a picture, as JSON; it is not part of the record.

        ``plane``, ``contour``, ``picture``, ``arrows``, ``layers``, ``samples`` (see
        `lrd_core.engine.background`). ``{"error": words, "run": id or None}`` says that making it
        failed; what was sent before still holds.
        """
        ...
