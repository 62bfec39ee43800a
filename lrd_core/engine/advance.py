"""One step of several runs that are at the same step."""

from __future__ import annotations

from collections.abc import Sequence

from lrd_core.engine.stack import Stacks
from lrd_core.engine.trainer import Trainer
from lrd_core.optim.stepping.together import step_together


class Stepper:
    """Makes steps; runs whose models stack are computed as one."""

    def __init__(self) -> None:
        self._stacks = Stacks()

    def advance(self, trainers: Sequence[Trainer]) -> None:
        """Losses, gradients and updates of the next step; `Trainer.end` measures it."""
        for trainer in trainers:
            trainer.begin()
        members = [member for trainer in trainers for member in trainer.members]
        ahead = [member for member in members if member.on_surface]
        for member in ahead:
            member.backward()
        if len(ahead) < len(members):
            losses = self._stacks.backward(members, trainers[0].step)
            for member, loss in zip(members, losses, strict=True):
                member.loss = loss
        step_together([member.optimizer for member in members])

    def how(self, trainer: Trainer) -> str:
        """How a run's last step was computed, in words; empty before the first and on surfaces."""
        if trainer.members[0].on_surface or trainer.members[0].loss is None:
            return ""
        return self._stacks.how(trainer.members[0])
