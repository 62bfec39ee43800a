"""The number of steps taken, known to the host or, after some steps, to a device alone."""

from __future__ import annotations

from collections.abc import Iterable

import torch


def capturing() -> bool:
    """Whether CUDA work of this thread is being captured in a graph."""
    # Nothing can be captured before CUDA is initialised, and this answers at once.
    ready: bool = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
    return ready and torch.cuda.is_current_stream_capturing()


class StepCount:
    """Steps taken, with a copy on each device that draws masks; engines raise the copies.

    A step that was given ``found_inf`` may have been skipped, and a captured one is repeated at
    every replay of its graph: then the device's copy is right, and the host reads it when asked.

    Attributes:
        kept: objects that captured graphs need as long as they live.
    """

    def __init__(self) -> None:
        self._value = 0
        self._copies: dict[torch.device, torch.Tensor] = {}
        #: What the copies hold if the host counts right; -1: to be filled.
        self._expected: dict[torch.device, int] = {}
        self._truth: torch.device | None = None
        self._replayed = False
        self.kept: list[object] = []

    @property
    def certain(self) -> bool:
        """Whether the host knows the number."""
        return self._truth is None

    @property
    def nominal(self) -> int:
        """The number if no step was skipped or replayed since it was last read."""
        return self._value

    def read(self) -> int:
        """The number; waits for the device if only that knows it."""
        if self._truth is not None:
            nominal, self._value = self._value, int(self._copies[self._truth].item())
            for device, expected in self._expected.items():
                self._expected[device] = self._value if expected == nominal else -1
            if not self._replayed:
                self._truth = None
        return self._value

    def write(self, value: int) -> None:
        """Goes on from another number."""
        self._value = value
        for device, copy in self._copies.items():
            copy.fill_(value)
            self._expected[device] = value
        if not self._replayed:
            self._truth = None

    def on(self, device: torch.device) -> torch.Tensor:
        """The device's copy, int64 (1,), always the same tensor.

        Raises:
            RuntimeError: a graph is being captured and the copy isn't there yet.
        """
        if self._expected.get(device, -1) != self._value:
            if capturing():
                raise RuntimeError(_EARLIER)
            if device not in self._copies:
                self._copies[device] = torch.zeros(1, dtype=torch.int64, device=device)
                self._expected[device] = -1
            value = self.read()
            if self._expected[device] != value:
                self._copies[device].fill_(value)
                self._expected[device] = value
        return self._copies[device]

    def raised(self, devices: Iterable[torch.device], decided: bool) -> None:
        """Engines have raised these devices' copies; `decided`: unless ``found_inf`` was set."""
        for device in devices:
            self._expected[device] = self._value + 1
            if decided and self._truth is None:
                self._truth = device

    def captured(self, devices: Iterable[torch.device]) -> None:
        """A graph will raise these devices' copies at each replay."""
        for device in devices:
            self._truth = device
        self._replayed = self._truth is not None

    def taken(self, step: int) -> None:
        """The step of this number was taken (or skipped, if a device decided so)."""
        self._value = step
        if self._truth is not None and self._expected[self._truth] != step:
            # No engine has run on that device.
            self._copies[self._truth] += 1
            self._expected[self._truth] = step


_EARLIER = (
    "LRD: a CUDA graph needs an ordinary step of the same parameters before it is captured; state "
    "and counters are made then"
)


def refuse_capture(what: str) -> None:
    """Raises RuntimeError if a graph is being captured.

    Args:
        what: a sentence that says why this can't be captured; "" for want of an earlier step.
    """
    if capturing():
        raise RuntimeError(f"LRD: {what}" if what else _EARLIER)
