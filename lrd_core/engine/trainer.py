"""One run in training: its copy of the problem, its optimizer, and the row of each step."""

from __future__ import annotations

import math
from dataclasses import replace

import torch

from lrd_core.engine.controls import Change, RunState, RunStatus
from lrd_core.engine.experiment import ExperimentSpec, RunSpec
from lrd_core.optim import LRD
from lrd_core.optim.rules import get_rule
from lrd_core.probes import Position, Projection, held_out, update
from lrd_core.problems import get_problem
from lrd_core.settings import DROP_RATE, SettingError, Value

Row = dict[str, float]


class Trainer:
    """Steps one run.

    `spec` follows changed settings, so that it always says how the next step is made.
    """

    def __init__(self, experiment: ExperimentSpec, spec: RunSpec) -> None:
        problem = get_problem(experiment.problem)
        self.spec = spec
        self.step = 0
        self.state: RunState = "running"
        self.diverged_step: int | None = None
        self._rule = get_rule(spec.optimizer)
        self._test_every = experiment.test_every
        self._instance = problem.build(experiment.settings, experiment.seed)
        self.names = self._instance.names
        self._optimizer = LRD(
            self._rule.build(self._instance.parameters, spec.settings),
            drop_rate=spec.drop_rate,
            seed=experiment.mask_seed(spec.slot),
            policy=spec.policy,
            rescale=spec.rescale,
        )
        self._optimizer.collect_statistics = True
        self._loss_here: torch.Tensor | None = None
        self._on_surface = problem.kind == "surface"
        self._place: Position | Projection = (
            Position(self._instance)
            if self._on_surface
            else Projection(self._instance, experiment.seed)
        )

    @property
    def shapes(self) -> list[tuple[str, list[int]]]:
        """Names and shapes of the parameter tensors, in mask order."""
        tensors = zip(self.names, self._instance.parameters, strict=True)
        return [(name, list(tensor.shape)) for name, tensor in tensors]

    @property
    def active(self) -> bool:
        """Whether it still trains."""
        return self.state in ("running", "finished")

    def advance(self) -> tuple[Row, Row]:
        """One step; gives its row and the held-out row (empty between intervals).

        A task's ``loss`` is the batch's loss before the update; a surface's is the value at the
        position after it.
        """
        self.step += 1
        loss = self._loss_here if self._loss_here is not None else self._instance.loss(self.step)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()
        if self._on_surface:
            loss = self._loss_here = self._instance.loss(self.step + 1)
        value = float(loss.detach())
        row = {"loss": value} | self._measured()
        if not math.isfinite(value):
            self.state, self.diverged_step = "diverged", self.step
        due = self.step % self._test_every == 0
        return row, held_out(self._instance) if due else {}

    def _measured(self) -> Row:
        statistics = self._optimizer.statistics
        if statistics is None:
            raise RuntimeError("the optimizer collects no statistics")
        settings = {"drop_rate": self.spec.drop_rate, "lr": float(self.spec.settings["lr"])}
        return update(statistics, self.names) | settings | self._place.measure()

    def change(self, setting: str, value: Value | None) -> Change:
        """Set `setting` for the next step on.

        Raises:
            SettingError: no such numeric setting, or a value out of its range.
        """
        if setting == "drop_rate":
            new: Value = float(DROP_RATE.check(value))
            old: Value = self.spec.drop_rate
            self.spec = replace(self.spec, drop_rate=float(new))
            options: dict[str, object] = {"drop_rate": new}
        else:
            new = self._checked(setting, value)
            old = self.spec.settings[setting]
            settings = self.spec.settings | {setting: new}
            options = self._rule.options(settings)
            self.spec = replace(self.spec, settings=settings)
        for group in self._optimizer.param_groups:
            group.update(options)
        return Change(self.spec.id, setting, old, new)

    def has(self, setting: str) -> bool:
        """Whether `setting` is one of this run's that can change while it trains."""
        return setting == "drop_rate" or setting in self._live()

    def _live(self) -> list[str]:
        numeric = ("float", "int")
        return [s.name for s in self._rule.settings if s.live and s.kind in numeric]

    def _checked(self, name: str, value: object) -> Value:
        if name not in self._live():
            allowed = "one of " + ", ".join(["drop_rate", *self._live()])
            raise SettingError("setting", name, allowed)
        setting = next(s for s in self._rule.settings if s.name == name)
        return setting.check(value)

    def status(self) -> RunStatus:
        """Where it stands."""
        message = ""
        if self.diverged_step is not None:
            message = f"the loss stopped being finite at step {self.diverged_step}"
        return RunStatus(
            self.spec.id, self.spec.slot, self.state, self.step, self.diverged_step, message
        )
