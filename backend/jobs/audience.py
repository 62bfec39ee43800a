"""Who is told what becomes of an experiment."""

from __future__ import annotations

from typing import Any, Protocol

from backend.protocol import ControlOut, Experiment


class Audience(Protocol):
    """Who is told about an experiment's news (the stream's hub)."""

    def frame(self, experiment: str, seq: int, data: bytes) -> None: ...

    def experiment(self, experiment: Experiment) -> None: ...

    def control(self, experiment: str, control: ControlOut) -> None: ...

    def view(self, experiment: str, name: str, content: dict[str, Any]) -> None: ...

    def viewers(self, experiment: str) -> int: ...

    def ended(self, experiment: str) -> None: ...
