"""One run in training: its copies, what is set on it, and the row of each step."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import torch

from lrd_core.engine.controls import Change, Replayed, RunState, RunStatus
from lrd_core.engine.experiment import POLICY_PREFIX, ExperimentSpec, RunSpec
from lrd_core.engine.member import Member
from lrd_core.engine.rows import Rows
from lrd_core.engine.timeline import Act, Timeline
from lrd_core.optim.lr_schedules import Factor, lr_factor
from lrd_core.optim.policies import get_policy
from lrd_core.optim.rules import get_rule
from lrd_core.settings import DROP_RATE, Setting, SettingError, Value


@dataclass(frozen=True)
class Prepared:
    """A change that has been checked: what it is, the run after it, options of parameter groups."""

    change: Change
    spec: RunSpec
    options: dict[str, Any]


@dataclass(frozen=True)
class Snapshot:
    """A run's whole state after `step` steps: tensors on the CPU and plain numbers, by name."""

    run: str
    step: int
    spec: RunSpec
    tensors: dict[str, torch.Tensor]
    numbers: dict[str, Any]


class Trainer:
    """Trains one run.

    `spec` follows changed settings, so that it always says how the next step is made. While it
    `replays`, it makes steps again that were recorded already; their rows are not wanted.
    """

    def __init__(self, experiment: ExperimentSpec, spec: RunSpec) -> None:
        self.spec = spec
        self.step = 0
        self.state: RunState = "running"
        self.diverged_step: int | None = None
        self.members = [Member(experiment, spec, copy) for copy in range(experiment.seeds)]
        self._lr_factor = self._scheduled()
        #: Losses are read when rows are taken: before, a GPU would have to be waited for.
        self.lazy = self.members[0].instance.parameters[0].device.type == "cuda"
        self._rows = Rows(experiment, [member.instance for member in self.members])
        self._timeline: Timeline | None = None
        self._acts: list[Act] = []
        self._until = 0
        self._again: list[Replayed] = []
        self._become: RunSpec | None = None
        #: The newest step's drop rate and learning rate, and the run that they were read from.
        self._set = math.nan, math.nan
        self._set_by: RunSpec | None = None

    @property
    def identity(self) -> RunSpec:
        """The run it is; while it replays, `spec` is what it was, or its parent, at that step."""
        return self._become or self.spec

    @property
    def names(self) -> list[str]:
        """Names of the parameter tensors, in mask order."""
        return self.members[0].instance.names

    @property
    def rows(self) -> Rows:
        """What is measured of it."""
        return self._rows

    @property
    def shapes(self) -> list[tuple[str, list[int]]]:
        """Names and shapes of the parameter tensors, in mask order."""
        tensors = zip(self.names, self.members[0].instance.parameters, strict=True)
        return [(name, list(tensor.shape)) for name, tensor in tensors]

    @property
    def active(self) -> bool:
        """Whether it still trains."""
        return self.state in ("running", "finished")

    # --- a step -----------------------------------------------------------------------------------

    def begin(self) -> None:
        """Count the next step, and do what a replay has to do before it."""
        self.step += 1
        while self._acts and self._acts[0].step <= self.step:
            act = self._acts.pop(0)
            if act.become is not None:
                self._turn(act.become)
            elif act.change is not None:
                self._apply(self.prepare(act.change.setting, act.change.value))
        if self._lr_factor is not None:
            self._set_lr()

    @property
    def lr(self) -> float:
        """The newest step's learning rate: the one that is set, times the schedule's factor."""
        lr = float(self.spec.settings["lr"])
        return lr if self._lr_factor is None else lr * self._lr_factor(self.step)

    def _scheduled(self) -> Factor | None:
        instance = self.members[0].instance
        name, settings = self.spec.schedule, self.spec.schedule_settings
        return lr_factor(name, settings, instance.steps_per_epoch)

    def _set_lr(self) -> None:
        lr = self.lr
        for member in self.members:
            for group in member.optimizer.param_groups:
                # The same object while nothing changes: that is what is looked at.
                if group["lr"] != lr:
                    group["lr"] = lr

    def end(self) -> None:
        """Measure the step that every member has made: its row waits in `rows`, unless it was
        recorded before.

        A task's ``loss`` is the batch's loss before the update; a surface's is the value at the
        position after it.
        """
        first = self.members[0]
        if first.on_surface:
            for member in self.members:
                member.look_ahead(self.step)
        loss: Any = first.loss
        if self._timeline is not None:
            self._note(float(loss))
            return
        if not self.lazy:
            loss = loss.item()
            self._check(loss)
        if self._lr_factor is not None or self._set_by is not self.spec:
            self._set_by, self._set = self.spec, (self.spec.drop_rate, self.lr)
        self._rows.measure(self.step, loss, self._set, self.members)

    def settle(self) -> None:
        """Read what its device still holds of the rows that wait; it may have diverged on the way,
        and made steps since that are not kept."""
        if not self.lazy or self._timeline is not None:
            return
        step = self._rows.end_at_divergence()
        if step is not None:
            self._diverged(step)

    def _check(self, loss: float) -> None:
        if not math.isfinite(loss):
            self._diverged(self.step)

    def _diverged(self, step: int) -> None:
        self.state, self.diverged_step = "diverged", step

    # --- replays ----------------------------------------------------------------------------------

    @property
    def until(self) -> int:
        """The last step that it makes again."""
        return self._until

    @property
    def replays(self) -> bool:
        """Whether the step being made, or the next one, was recorded before."""
        return self._timeline is not None

    def replay(self, timeline: Timeline, until: int, become: RunSpec) -> None:
        """Make the recorded steps up to `until` again, on the way that `timeline` tells; there it
        is `become`."""
        self._acts = timeline.after(self.step)
        self._until = until
        self._timeline = timeline
        self._become = become
        if self.step >= until:
            self._arrive()

    def _note(self, loss: float) -> None:
        assert self._timeline is not None  # noqa: S101
        run = self._timeline.recorded(self.step)
        if not self._again or self._again[-1].run != run:
            self._again.append(Replayed(run, self.step, []))
        self._again[-1].losses.append(loss)
        self._check(loss)
        # A record that went on from here differs: whoever compares will see it.
        if self.step >= self._until or self.state == "diverged":
            self._arrive()

    def _arrive(self) -> None:
        become, self._acts, self._timeline, self._become = self._become, [], None, None
        if become is not None and become != self.spec:
            self._turn(become)

    def made_again(self) -> list[Replayed] | None:
        """What was replayed, once, when that is over; None while it lasts or if nothing was."""
        if self.replays or not self._again:
            return None
        parts, self._again = self._again, []
        return parts

    # --- snapshots --------------------------------------------------------------------------------

    def capture(self) -> Snapshot:
        """Its state now."""
        tensors: dict[str, torch.Tensor] = {}
        numbers: dict[str, Any] = {"diverged_step": self.diverged_step}
        for copy, member in enumerate(self.members):
            of_member, plain = member.capture()
            tensors |= {f"{copy}.{name}": tensor for name, tensor in of_member.items()}
            numbers |= {f"{copy}.{name}": number for name, number in plain.items()}
        return Snapshot(self.spec.id, self.step, self.spec, tensors, numbers)

    def restore(self, snapshot: Snapshot) -> None:
        """The state of a snapshot, its own or of the run it is a fork of.

        Raises:
            ValueError: of another model.
        """
        if snapshot.spec != self.spec:
            self._turn(snapshot.spec)
        for copy, member in enumerate(self.members):
            member.restore(_part(snapshot.tensors, copy), _part(snapshot.numbers, copy))
        self.step = snapshot.step
        self.diverged_step = snapshot.numbers["diverged_step"]

    def _turn(self, spec: RunSpec) -> None:
        self.spec = spec
        self._lr_factor = self._scheduled()
        for member in self.members:
            member.turn(spec)

    def move(self, slot: int) -> None:
        """Another colour and glyph; its masks stay."""
        if self._become is not None:
            self._become = replace(self._become, slot=slot)
        else:
            self.spec = replace(self.spec, slot=slot)

    # --- settings ---------------------------------------------------------------------------------

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
        options = get_rule(self.spec.optimizer).group_options(settings)
        return Prepared(change, replace(self.spec, settings=settings), options)

    def apply(self, prepared: Prepared) -> Change:
        """Let a prepared change take effect from the next step on."""
        self._apply(prepared)
        return prepared.change

    def _apply(self, prepared: Prepared) -> None:
        self.spec = prepared.spec
        for member in self.members:
            member.optimizer.policy_settings = dict(prepared.spec.policy_settings)
            for group in member.optimizer.param_groups:
                group.update(prepared.options)

    def has(self, setting: str) -> bool:
        """Whether `setting` is one of this run's that can change while it trains."""
        return setting == "drop_rate" or setting in self._live()

    def _live(self) -> dict[str, Setting]:
        """By the name a control gives them: the rule's, and the policy's as ``policy.NAME``."""
        rule, policy = get_rule(self.spec.optimizer), get_policy(self.spec.policy)
        named = {setting.name: setting for setting in rule.settings}
        named |= {POLICY_PREFIX + setting.name: setting for setting in policy.settings}
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
            self.identity.id,
            self.identity.slot,
            self.state,
            self.step,
            self.diverged_step,
            message,
        )


def _part(named: dict[str, Any], copy: int) -> dict[str, Any]:
    """What belongs to one copy, without its number."""
    prefix = f"{copy}."
    return {k.removeprefix(prefix): v for k, v in named.items() if k.startswith(prefix)}
