"""Every tensor of one run or of all, as a table, while somebody looks at it."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

from lrd_core.engine.controls import Sink
from lrd_core.engine.experiment import ExperimentSpec, RunSpec
from lrd_core.engine.roster import Roster
from lrd_core.engine.trainer import Trainer
from lrd_core.engine.views.look import Timed, number, numbers
from lrd_core.optim.policies import get_policy
from lrd_core.probes.layers import WINDOWS, Ages, Coins, coin_ages, leading, tensor_norms
from lrd_core.probes.mask import MaskWatch


class Layers(Timed):
    """Sends the view ``layers``: ``{"step", "runs": [{"run", "step", "source", "keep_rate", …,
    "looked_at", "known", "age", "covered"}]}``, each of them a list with an entry a tensor.

    ``age`` is the median and the 95 % quantile of the steps since coordinates were updated (0: at
    the newest step; ``known``: longer ago than was looked at) and ``covered`` the share that was
    updated in the last steps, by their number. Both are of the first ``looked_at`` coordinates of
    the tensor. Where the coins alone make a mask they are drawn again; the masks of other policies
    (``source`` is ``change``) are followed from the first look on, at every step.

    Args:
        run: one, or None for all of them.
    """

    name = "layers"
    interval = 0.5

    def __init__(self, spec: ExperimentSpec, runs: Roster, run: Trainer | None, sink: Sink) -> None:
        super().__init__(sink)
        self._spec, self._runs, self._run = spec, runs, run
        self._followed: dict[str, tuple[RunSpec, list[MaskWatch]]] = {}

    @property
    def follows(self) -> bool:  # type: ignore[override]
        """Whether a run's masks are not those of its coins."""
        return any(not _by_coins(trainer.spec) for trainer in self._looked_at())

    def _looked_at(self) -> list[Trainer]:
        return self._runs.all() if self._run is None else [self._run]

    def before(self, trainers: Sequence[Trainer], step: int) -> None:
        """Keep what those are before the step whose masks are followed."""
        for trainer in self._looked_at():
            if trainer in trainers and not _by_coins(trainer.spec):
                for watch in self._watches(trainer):
                    watch.before()

    def after(self, trainers: Sequence[Trainer]) -> None:
        """See what the step has changed of those."""
        for trainer in self._looked_at():
            if trainer in trainers and trainer.identity.id in self._followed:
                for watch in self._watches(trainer):
                    watch.after(trainer.step, trainer.spec.drop_rate)

    def _watches(self, trainer: Trainer) -> list[MaskWatch]:
        run, policy = trainer.identity.id, trainer.spec.policy
        known = self._followed.get(run)
        if known is None or known[0].policy != policy:
            watches = [
                MaskWatch(leading(parameter), i, get_policy(policy), 0)
                for i, parameter in enumerate(trainer.members[0].instance.parameters)
            ]
            known = self._followed[run] = trainer.spec, watches
        return known[1]

    def turns(self) -> Generator[None, None, dict[str, Any]]:
        """A turn a tensor."""
        runs = []
        for trainer in self._looked_at():
            row = self._norms(trainer)
            step, ages = trainer.step, []
            for tensor in range(len(trainer.names)):
                ages.append(self._ages(trainer, tensor, step))
                yield
            runs.append(row | _aged(ages))
        return {"step": max((row["step"] for row in runs), default=0), "runs": runs}

    def _norms(self, trainer: Trainer) -> dict[str, Any]:
        member = trainer.members[0]
        columns = tensor_norms(member.optimizer.statistics, member.instance.parameters)
        return {
            "run": trainer.identity.id,
            "step": trainer.step,
            "source": "coins" if _by_coins(trainer.spec) else "change",
            **{name: numbers(values) for name, values in columns.items()},
        }

    def _ages(self, trainer: Trainer, tensor: int, step: int) -> Ages:
        if not _by_coins(trainer.spec):
            watch = self._watches(trainer)[tensor]
            return Ages(watch.since.ravel(), watch.steps)
        run = trainer.identity.id

        def made(at: int) -> Coins | None:
            spec = self._runs.made_with(run, at)
            if not _by_coins(spec):
                return None
            seed = self._spec.mask_seed(spec)
            return Coins(get_policy(spec.policy), seed, spec.drop_rate, spec.policy_settings)

        parameter = trainer.members[0].instance.parameters[tensor]
        return coin_ages(parameter, tensor, step, made)


def _by_coins(spec: RunSpec) -> bool:
    policy = get_policy(spec.policy)
    return policy.mask is not None and policy.unit != ""


def _aged(ages: Sequence[Ages]) -> dict[str, Any]:
    return {
        "looked_at": [len(one.since) for one in ages],
        "known": [one.known for one in ages],
        "age": [[one.quantile(0.5), one.quantile(0.95)] for one in ages],
        "covered": {str(n): [number(one.covered(n)) for one in ages] for n in WINDOWS},
    }
