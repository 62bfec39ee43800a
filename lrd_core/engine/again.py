"""A recorded run made again from its first step, as its record says that it was trained."""

from __future__ import annotations

from lrd_core.engine.advance import Stepper
from lrd_core.engine.controls import Replayed
from lrd_core.engine.experiment import ExperimentSpec
from lrd_core.engine.timeline import Resume, timeline
from lrd_core.engine.trainer import Trainer


def again(spec: ExperimentSpec, record: Resume, run: str) -> list[Replayed]:
    """Losses of every recorded step of `run`; a fork's begin with those of its parent.

    Raises:
        StopIteration: the record has no such run.
        SettingError: its data are missing.
    """
    known = next(one for one in record.runs if one.spec.id == run)
    way = timeline({one.spec.id: one.past for one in record.runs}, run, known.step)
    trainer = Trainer(spec, way.begin)
    trainer.replay(way, known.step, known.spec)
    stepper = Stepper()
    while trainer.replays:
        stepper.advance([trainer])
        trainer.end()
    return trainer.made_again() or []
