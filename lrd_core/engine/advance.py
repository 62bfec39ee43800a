"""One step of several runs that are at the same step."""

from __future__ import annotations

from collections.abc import Sequence

from lrd_core.engine.trainer import Trainer


def advance(trainers: Sequence[Trainer]) -> None:
    """Losses, gradients and updates of the next step; `Trainer.end` gives the rows."""
    for trainer in trainers:
        trainer.begin()
    members = [(trainer.step, member) for trainer in trainers for member in trainer.members]
    for step, member in members:
        member.backward(step)
    for _, member in members:
        member.optimizer.step()
