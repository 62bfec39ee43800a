"""What a job does beside training, in the pauses between steps: pictures that someone looks at."""

from __future__ import annotations

from collections.abc import Sequence

from lrd_core.engine.controls import Sink
from lrd_core.engine.experiment import ExperimentSpec
from lrd_core.engine.roster import Roster
from lrd_core.engine.trainer import Trainer


class Background:
    """Views of an experiment, sent by `Sink.view`."""

    def __init__(self, spec: ExperimentSpec, runs: Roster, sink: Sink) -> None:
        self._spec = spec
        self._runs = runs
        self._sink = sink
        self.curvature_every = spec.curvature_every

    @property
    def busy(self) -> bool:
        """Whether something is being computed."""
        return False

    def stepped(self, trainers: Sequence[Trainer]) -> None:
        """These have made a step."""

    def turn(self, idle: bool) -> None:
        """Go on with what is being computed, a little if training waits for it."""

    def watch(self, run: str | None, tensor: str | None) -> None:
        """Send pictures of a tensor's mask and update; of none without a tensor.

        Raises:
            SettingError: no such run or tensor.
        """
        if run is not None:
            self._runs.get(run)

    def contour(self, directions: str, run: str | None) -> None:
        """Compute the loss on a plane.

        Raises:
            SettingError: no such run or directions.
        """
        if run is not None:
            self._runs.get(run)
