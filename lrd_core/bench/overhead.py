"""What probes and frames cost a small training: the digits, one run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from lrd_core.bench.rounds import interleave, ratio
from lrd_core.engine import frames
from lrd_core.engine.advance import Stepper
from lrd_core.engine.controls import Applied, Replayed, Status
from lrd_core.engine.experiment import ExperimentSpec, check_experiment
from lrd_core.engine.frames import Block, Frame
from lrd_core.engine.loop import Loop
from lrd_core.engine.trainer import Trainer

STEPS = 2_000
ROUNDS = 11
#: Steps whose rows leave as one frame when a digits run trains as fast as it can.
ROWS = 60


@dataclass
class Encoded:
    """A sink that makes the bytes of frames and drops them."""

    bytes: int = 0
    seen: list[str] = field(default_factory=list)

    def frame(self, blocks: list[Block]) -> None:
        self.bytes += len(frames.encode(Frame(frames.VERSION, 1, blocks)))

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


def _bare(steps: int) -> None:
    """Losses, gradients and updates alone: nothing is measured."""
    trainer = Trainer(spec := _spec(steps), spec.runs[0])
    trainer.members[0].optimizer.collect_statistics = False
    stepper = Stepper()
    for _ in range(steps):
        stepper.advance([trainer])


def _probed(steps: int) -> None:
    """With the default probes: statistics of the step, sketch, held-out data every 10 steps."""
    trainer = Trainer(spec := _spec(steps), spec.runs[0])
    stepper = Stepper()
    for step in range(1, steps + 1):
        stepper.advance([trainer])
        trainer.end()
        if step % ROWS == 0:
            trainer.rows.take("r1")


def _streamed(steps: int) -> None:
    """As a job trains: controls looked for, rows encoded 30 times a second, the plane fitted."""
    Loop(_spec(steps), Encoded(), stay=False).run()


def measure(rounds: int = ROUNDS, steps: int = STEPS) -> dict[str, float]:
    """Shares of the time of a step, from medians of interleaved rounds: ``probe_overhead`` of the
    default probes over a bare step, ``stream_overhead`` of the loop with its frames over steps with
    probes. Building the run is in all three."""
    arms: dict[str, Callable[[], object]] = {
        "bare": lambda: _bare(steps),
        "probed": lambda: _probed(steps),
        "streamed": lambda: _streamed(steps),
    }
    times = interleave(arms, rounds, warm_up=1)
    return {
        "probe_overhead": round(ratio(times, "probed", "bare") - 1, 3),
        "stream_overhead": round(ratio(times, "streamed", "probed") - 1, 3),
    }
