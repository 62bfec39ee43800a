"""One run in training: its copy of the problem, its optimizer, and the row of each step."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import torch

from lrd_core.engine.controls import Change, RunState, RunStatus
from lrd_core.engine.experiment import POLICY_PREFIX, ExperimentSpec, RunSpec
from lrd_core.optim import LRD
from lrd_core.optim.policies import get_policy
from lrd_core.optim.rules import get_rule
from lrd_core.probes import Position, Projection, held_out, update
from lrd_core.problems import get_problem
from lrd_core.settings import DROP_RATE, Setting, SettingError, Value

Row = dict[str, float]


@dataclass(frozen=True)
class Prepared:
    """A change that has been checked: what it is, the run after it, options of parameter groups."""

    change: Change
    spec: RunSpec
    options: dict[str, Any]


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
        self._policy = get_policy(spec.policy)
        self._test_every = experiment.test_every
        self._instance = problem.build(experiment.settings, experiment.seed)
        self.names = self._instance.names
        self._optimizer = LRD(
            self._rule.optimizer(self._instance.parameters, spec.settings),
            drop_rate=spec.drop_rate,
            seed=experiment.mask_seed(spec.slot),
            policy=spec.policy,
            rescale=spec.rescale,
            policy_settings=spec.policy_settings,
            # Waits: were code to change on the way, the last bits of the statistics would, too.
            kernel="compiled",
            collect_statistics=True,
        )
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

    def prepare(self, setting: str, value: Value | None) -> Prepared:
        """What setting `setting` would do; changes nothing. ``policy.NAME`` is the policy's.

        Raises:
            SettingError: no such numeric setting, a value out of its range, or one that contradicts
                the other settings.
        """
        if setting == "drop_rate":
            rate = float(DROP_RATE.check(value))
            spec = replace(self.spec, drop_rate=rate)
            change = Change(self.spec.id, setting, self.spec.drop_rate, rate, self.step + 1)
            return Prepared(change, spec, {"drop_rate": rate})
        checked = self._checked(setting, value)
        if setting.startswith(POLICY_PREFIX):
            name = setting.removeprefix(POLICY_PREFIX)
            before = self.spec.policy_settings
            change = Change(self.spec.id, setting, before[name], checked, self.step + 1)
            spec = replace(self.spec, policy_settings=before | {name: checked})
            return Prepared(change, spec, {})
        settings = self.spec.settings | {setting: checked}
        old = self.spec.settings[setting]
        change = Change(self.spec.id, setting, old, checked, self.step + 1)
        options = self._rule.group_options(settings)
        return Prepared(change, replace(self.spec, settings=settings), options)

    def apply(self, prepared: Prepared) -> Change:
        """Let a prepared change take effect from the next step on."""
        self.spec = prepared.spec
        self._optimizer.policy_settings = dict(prepared.spec.policy_settings)
        for group in self._optimizer.param_groups:
            group.update(prepared.options)
        return prepared.change

    def has(self, setting: str) -> bool:
        """Whether `setting` is one of this run's that can change while it trains."""
        return setting == "drop_rate" or setting in self._live()

    def _live(self) -> dict[str, Setting]:
        """By the name a control gives them: the rule's, and the policy's as ``policy.NAME``."""
        named = {setting.name: setting for setting in self._rule.settings}
        named |= {POLICY_PREFIX + setting.name: setting for setting in self._policy.settings}
        numeric = ("float", "int")
        return {name: s for name, s in named.items() if s.live and s.kind in numeric}

    def _checked(self, name: str, value: object) -> Value:
        live = self._live()
        if name not in live:
            raise SettingError("setting", name, "one of " + ", ".join(["drop_rate", *live]))
        return live[name].check(value, name)

    def status(self) -> RunStatus:
        """Where it stands."""
        message = ""
        if self.diverged_step is not None:
            message = f"the loss stopped being finite at step {self.diverged_step}"
        return RunStatus(
            self.spec.id, self.spec.slot, self.state, self.step, self.diverged_step, message
        )
