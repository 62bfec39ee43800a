"""The runs of one experiment: who trains, who is behind, who may join, and what is set on whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from lrd_core.engine.controls import Change, RunStatus
from lrd_core.engine.experiment import MAX_RUNS, ExperimentSpec, check_run
from lrd_core.engine.trainer import Trainer
from lrd_core.problems import get_problem
from lrd_core.settings import SettingError, Value

#: Runs that one experiment may ever have had, removed ones included: each keeps its state.
MAX_EVER = 64


class Roster:
    """All trainers by run id, removed ones included; no run is ever forgotten."""

    def __init__(self, spec: ExperimentSpec) -> None:
        self._spec = spec
        self._trainers = {run.id: Trainer(spec, run) for run in spec.runs}

    @property
    def tensors(self) -> list[tuple[str, list[int]]]:
        """Names and shapes of the parameter tensors, in mask order."""
        return next(iter(self._trainers.values())).shapes

    def status(self) -> list[RunStatus]:
        """Where every run stands."""
        return [trainer.status() for trainer in self._trainers.values()]

    def get(self, run: str | None) -> Trainer:
        """The run of this id.

        Raises:
            SettingError: there is none.
        """
        trainer = self._trainers.get(run or "")
        if trainer is None:
            raise SettingError("run", run, "one of " + ", ".join(self._trainers))
        return trainer

    def at(self, step: int) -> list[Trainer]:
        """Those that train and have made exactly `step` steps."""
        return [t for t in self._trainers.values() if t.state == "running" and t.step == step]

    def behind(self, step: int) -> list[Trainer]:
        """Those that train and have made fewer than `step` steps."""
        return [t for t in self._trainers.values() if t.state == "running" and t.step < step]

    def any_active(self) -> bool:
        """Whether anything is left to train."""
        return any(trainer.active for trainer in self._trainers.values())

    def go_on(self) -> None:
        """The experiment was extended: finished runs train again."""
        for trainer in self._trainers.values():
            if trainer.state == "finished":
                trainer.state = "running"

    # --- who takes part ---------------------------------------------------------------------------

    def _present(self) -> list[Trainer]:
        return [t for t in self._trainers.values() if t.state != "removed"]

    def _free_slot(self) -> int:
        taken = {trainer.spec.slot for trainer in self._present()}
        if len(taken) >= MAX_RUNS:
            allowed = f"at most {MAX_RUNS} runs in one experiment; remove one first"
            raise SettingError("runs", len(taken) + 1, allowed)
        # A removed run keeps its colour while another is free, so that it can come back with it.
        ever = {trainer.spec.slot for trainer in self._trainers.values()}
        fresh = [slot for slot in range(MAX_RUNS) if slot not in ever]
        return fresh[0] if fresh else min(set(range(MAX_RUNS)) - taken)

    def add(self, given: Mapping[str, Any]) -> Trainer:
        """A new run at the start.

        Raises:
            SettingError: no place, or a bad run; its field begins with ``spec``.
        """
        if len(self._trainers) >= MAX_EVER:
            allowed = f"at most {MAX_EVER} runs in an experiment's life; start a new experiment"
            raise SettingError("runs", len(self._trainers) + 1, allowed)
        slot = self._free_slot()
        try:
            spec = check_run(given, slot, get_problem(self._spec.problem).suggested_lr)
        except SettingError as error:
            raise error.within("spec") from None
        spec = replace(spec, id=f"r{len(self._trainers) + 1}")
        self._trainers[spec.id] = trainer = Trainer(self._spec, spec)
        return trainer

    def told(self, trainer: Trainer) -> dict[str, Any]:
        """A run's whole specification, with the seed of its masks."""
        return asdict(trainer.spec) | {"mask_seed": self._spec.mask_seed(trainer.spec.slot)}

    def remove(self, run: str | None) -> Trainer:
        """Take a run out; its state is kept.

        Raises:
            SettingError: no such run, removed already, or the last one.
        """
        trainer = self.get(run)
        if trainer.state == "removed":
            raise SettingError("run", run, "a run that was not removed already")
        if len(self._present()) == 1:
            raise SettingError("run", run, "another run: an experiment keeps at least one")
        trainer.state = "removed"
        return trainer

    def restore(self, run: str | None, steps: int) -> Trainer:
        """Bring a removed run back; it goes on where it was.

        Raises:
            SettingError: no such run, not removed, or no place.
        """
        trainer = self.get(run)
        if trainer.state != "removed":
            raise SettingError("run", run, "a run that was removed")
        if len(self._present()) >= MAX_RUNS or self._slot_taken(trainer):
            trainer.spec = replace(trainer.spec, slot=self._free_slot())
        if trainer.diverged_step is not None:
            trainer.state = "diverged"
        else:
            trainer.state = "finished" if trainer.step >= steps else "running"
        return trainer

    def _slot_taken(self, trainer: Trainer) -> bool:
        return any(other.spec.slot == trainer.spec.slot for other in self._present())

    # --- what is set ------------------------------------------------------------------------------

    def set(self, run: str | None, setting: str | None, value: Value | None) -> list[Change]:
        """Change a setting of one run, or of all that have it; all or nothing.

        Raises:
            SettingError: nothing was changed.
        """
        if setting is None:
            raise SettingError("setting", setting, "drop_rate or the name of a setting")
        if run is None:
            active = [trainer for trainer in self._trainers.values() if trainer.active]
            chosen = [trainer for trainer in active if trainer.has(setting)] or active
            if not chosen:
                raise SettingError("run", None, "an experiment with a run that trains")
        else:
            chosen = [self.get(run)]
        for trainer in chosen:
            if not trainer.active:
                words = trainer.status().message or "it was removed"
                raise SettingError("run", trainer.spec.id, f"a run that trains: {words}")
        prepared = [trainer.prepare(setting, value) for trainer in chosen]
        return [trainer.apply(change) for trainer, change in zip(chosen, prepared, strict=True)]
