"""What probes and frames cost a small training: the digits, one run."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from lrd_core.bench.rounds import interleave, ratio, rebuilt
from lrd_core.engine import frames
from lrd_core.engine.advance import Stepper
from lrd_core.engine.controls import Applied, Replayed, Status
from lrd_core.engine.experiment import ExperimentSpec, check_experiment
from lrd_core.engine.frames import Frame, Taken
from lrd_core.engine.loop import Loop
from lrd_core.engine.trainer import Trainer

STEPS = 600
BUILDS, ROUNDS = 5, 9
LOOP_STEPS, LOOP_ROUNDS = 2_000, 30
#: Steps whose rows leave as one frame when a digits run trains as fast as it can.
ROWS = 150


@dataclass
class Encoded:
    """A sink that makes the bytes of frames and drops them."""

    bytes: int = 0
    seen: list[str] = field(default_factory=list)

    def frame(self, rows: Taken) -> None:
        self.bytes += len(frames.encode(Frame(frames.VERSION, 1, rows.blocks())))

    def applied(self, applied: Applied) -> None:
        pass

    def status(self, status: Status) -> None:
        pass

    def replayed(self, run: str, parts: list[Replayed]) -> None:
        pass

    def view(self, name: str, content: dict[str, Any]) -> None:
        pass


def _spec(steps: int) -> ExperimentSpec:
    spec = check_experiment({"problem": "digits", "steps": steps})
    return replace(spec, speed=0.0, runs=[spec.runs[1]])


class _Arms:
    """One run, trained on with and without probes: where its tensors lie in memory, which makes a
    run some percent faster or slower, is the same for both."""

    def __init__(self) -> None:
        spec = _spec(10**7)
        self._run = Trainer(spec, spec.runs[0])
        self._stepper = Stepper()

    def bare(self) -> None:
        """Losses, gradients, updates; a row tells the loss and what was set, and nothing else."""
        self._measures(False)
        member = self._run.members[0]
        recorded: list[tuple[float, float, float]] = []
        for step in range(1, STEPS + 1):
            self._stepper.advance([self._run])
            found = member.loss
            assert found is not None  # noqa: S101
            loss = found.item()
            if not math.isfinite(loss):
                raise RuntimeError("the run has diverged")
            recorded.append((loss, self._run.spec.drop_rate, self._run.lr))
            if step % ROWS == 0:
                columns = zip(("loss", "drop_rate", "lr"), zip(*recorded, strict=True), strict=True)
                frames.packed(dict(columns))
                recorded = []

    def probed(self) -> None:
        """With the default probes too: statistics of the step, sketch, held-out data."""
        self._measures(True)
        self._steps(STEPS)

    def _measures(self, wanted: bool) -> None:
        self._run.members[0].optimizer.collect_statistics = wanted

    def _steps(self, steps: int) -> None:
        for step in range(1, steps + 1):
            self._stepper.advance([self._run])
            self._run.end()
            if step % ROWS == 0:
                self._run.rows.take("r1")


def _probed(steps: int) -> None:
    """A new run with the default probes."""
    _Arms()._steps(steps)


def _streamed(steps: int) -> None:
    """As a job trains: controls looked for, rows encoded 30 times a second, the plane fitted."""
    Loop(_spec(steps), Encoded(), stay=False).run()


def measure() -> dict[str, float]:
    """Shares of the time of a step: ``probe_overhead`` of the default probes over a run that only
    tells its loss, ``stream_overhead`` of the loop with its frames over steps with probes. Medians
    of interleaved rounds; building the run is in both arms of the second."""

    def arms() -> dict[str, Callable[[], object]]:
        run = _Arms()
        return {"bare": run.bare, "probed": run.probed}

    probes = rebuilt(arms, BUILDS, ROUNDS)
    loops = interleave(
        {"probed": lambda: _probed(LOOP_STEPS), "streamed": lambda: _streamed(LOOP_STEPS)},
        LOOP_ROUNDS,
        warm_up=1,
    )
    return {
        "probe_overhead": round(ratio(probes, "probed", "bare") - 1, 3),
        "stream_overhead": round(ratio(loops, "streamed", "probed") - 1, 3),
    }
