"""The runs of one experiment: who trains, who is behind, who may join, and what is set on whom."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import Any

from lrd_core.engine.checkpoint import Checkpoint, Vault
from lrd_core.engine.controls import Change, RunStatus
from lrd_core.engine.experiment import MAX_RUNS, RUN_PARTS, ExperimentSpec, RunSpec, check_run
from lrd_core.engine.timeline import Changed, Past, Resume, RunRecord, spec_at, timeline
from lrd_core.engine.trainer import Snapshot, Trainer
from lrd_core.problems import get_problem
from lrd_core.settings import SettingError, Value

#: Runs that one experiment may ever have had, removed ones included: each keeps its state.
MAX_EVER = 64


class Roster:
    """All trainers by run id, removed ones included; no run is ever forgotten."""

    def __init__(
        self, spec: ExperimentSpec, vault: Vault | None = None, resume: Resume | None = None
    ) -> None:
        """`vault` holds earlier states; without one they are made again from the start.

        `resume` says which runs there are, in place of those of `spec`.
        """
        self._spec = spec
        self._vault = vault
        self._pasts: dict[str, Past] = {}
        self._trainers: dict[str, Trainer] = {}
        self._before: dict[str, list[Checkpoint]] = {}
        if resume is not None:
            self._pasts = {record.spec.id: record.past for record in resume.runs}
            for record in resume.runs:
                self._trainers[record.spec.id] = self._resumed(record, resume.steps)
            return
        for run in spec.runs:
            self._pasts[run.id] = Past(run)
            self._trainers[run.id] = Trainer(spec, run)

    def _resumed(self, record: RunRecord, steps: int) -> Trainer:
        if self._vault is not None:
            # Steps that nobody recorded may be made anew, with other settings.
            self._vault.forget(record.spec.id, record.step)
        trainer = self._brought(record.spec.id, record.step, record.spec)
        if self._vault is not None:
            before = self._vault.list(record.spec.id)
            self._before[record.spec.id] = [c for c in before if c.step <= trainer.step]
        trainer.diverged_step = record.diverged_step or trainer.diverged_step
        trainer.state = record.state
        if trainer.active and trainer.diverged_step is not None:
            trainer.state = "diverged"
        elif trainer.active:
            done = record.step >= steps and not trainer.replays
            trainer.state = "finished" if done else "running"
        return trainer

    def _brought(self, run: str, step: int, become: RunSpec) -> Trainer:
        """A trainer at the newest checkpoint before `step`, that replays from there."""
        way = timeline(self._pasts, run, step)
        snapshot: Snapshot | None = None
        for stretch in reversed(way.stretches):
            if self._vault is not None and snapshot is None:
                snapshot = self._vault.newest(stretch.run, stretch.last, stretch.first - 1)
        trainer = Trainer(self._spec, snapshot.spec if snapshot else way.begin)
        if snapshot is not None:
            trainer.restore(snapshot)
        trainer.replay(way, step, become)
        return trainer

    @property
    def vault(self) -> Vault | None:
        """Where earlier states are, if any are kept."""
        return self._vault

    @property
    def before(self) -> Mapping[str, list[Checkpoint]]:
        """By run, the checkpoints from before a resume, up to the one that it went on from."""
        return self._before

    @property
    def tensors(self) -> list[tuple[str, list[int]]]:
        """Names and shapes of the parameter tensors, in mask order."""
        return next(iter(self._trainers.values())).shapes

    def status(self, how: Callable[[Trainer], str]) -> list[RunStatus]:
        """Where every run stands, and how it is computed."""
        every = self._trainers.values()
        return [replace(trainer.status(), how=how(trainer)) for trainer in every]

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

    def all(self) -> list[Trainer]:
        """Every run that was not removed."""
        return self._present()

    def any_active(self) -> bool:
        """Whether anything is left to train."""
        return any(trainer.active for trainer in self._trainers.values())

    def diverged(self) -> int:
        """How many have diverged."""
        return sum(trainer.state == "diverged" for trainer in self._trainers.values())

    def settle(self) -> None:
        """Let every run find out whether it has diverged (`Trainer.settle`)."""
        for trainer in self._trainers.values():
            trainer.settle()

    def go_on(self) -> None:
        """The experiment was extended: finished runs train again."""
        for trainer in self._trainers.values():
            if trainer.state == "finished":
                trainer.state = "running"

    def replaying(self, run: str | None) -> bool:
        """Whether this run, or any, is behind because it makes recorded steps again."""
        chosen = self._trainers.values() if run is None else [self.get(run)]
        return any(t.replays and t.state == "running" for t in chosen)

    # --- who takes part ---------------------------------------------------------------------------

    def _present(self) -> list[Trainer]:
        return [t for t in self._trainers.values() if t.state != "removed"]

    def _free_slot(self) -> int:
        taken = {trainer.identity.slot for trainer in self._present()}
        if len(taken) >= MAX_RUNS:
            allowed = f"at most {MAX_RUNS} runs in one experiment; remove one first"
            raise SettingError("runs", len(taken) + 1, allowed)
        # A removed run keeps its colour while another is free, so that it can come back with it.
        ever = {trainer.identity.slot for trainer in self._trainers.values()}
        fresh = [slot for slot in range(MAX_RUNS) if slot not in ever]
        return fresh[0] if fresh else min(set(range(MAX_RUNS)) - taken)

    def add(self, given: Mapping[str, Any]) -> Trainer:
        """A new run at the start.

        Raises:
            SettingError: no place, or a bad run; its field begins with ``spec``.
        """
        slot = self._new_slot()
        try:
            spec = self._checked(given, slot)
        except SettingError as error:
            raise error.within("spec") from None
        spec = replace(spec, id=f"r{len(self._trainers) + 1}")
        self._pasts[spec.id] = Past(spec)
        self._trainers[spec.id] = trainer = Trainer(self._spec, spec)
        return trainer

    def _checked(self, given: Mapping[str, Any], slot: int) -> RunSpec:
        problem = get_problem(self._spec.problem)
        return check_run(given, slot, problem.suggested_lr, problem.kind, self._spec.steps)

    def _new_slot(self) -> int:
        if len(self._trainers) >= MAX_EVER:
            allowed = f"at most {MAX_EVER} runs in an experiment's life; start a new experiment"
            raise SettingError("runs", len(self._trainers) + 1, allowed)
        return self._free_slot()

    def fork(self, run: str | None, step: object, given: Mapping[str, Any]) -> Trainer:
        """A new run that shares its first `step` steps with `run`, and goes on with what differs.

        Raises:
            SettingError: no such run or step, no place, or a bad setting (its field begins with
                ``spec``).
        """
        parent = self.get(run)
        # Before it was one of its own, a fork was its parent.
        while parent.identity.parent and isinstance(step, int) and step < parent.identity.fork_step:
            parent = self.get(parent.identity.parent)
        made = self.done(parent)
        if parent.diverged_step is not None:
            made = min(made, parent.diverged_step - 1)
        if isinstance(step, bool) or not isinstance(step, int) or not 0 <= step <= made:
            raise SettingError("value", step, f"a step of {parent.identity.id} in [0, {made}]")
        slot = self._new_slot()
        before = spec_at(self._pasts[parent.identity.id], step)
        try:
            spec = self._checked(_forked(before, given), slot)
        except SettingError as error:
            raise error.within("spec") from None
        spec = replace(
            spec,
            id=f"r{len(self._trainers) + 1}",
            parent=parent.identity.id,
            fork_step=step,
            mask_slot=before.slot if before.mask_slot < 0 else before.mask_slot,
        )
        self._pasts[spec.id] = Past(spec)
        if parent.step == step and not parent.replays:
            trainer = Trainer(self._spec, parent.spec)
            trainer.restore(parent.capture())
            trainer.replay(timeline(self._pasts, spec.id, step), step, spec)
        else:
            trainer = self._brought(spec.id, step, spec)
        self._trainers[spec.id] = trainer
        return trainer

    def done(self, trainer: Trainer) -> int:
        """Steps of a run that are recorded."""
        return trainer.until if trainer.replays else trainer.step

    def made_with(self, run: str, step: int) -> RunSpec:
        """The settings that a recorded step of a run was made with; up to where it was forked, its
        parent's.

        Raises:
            KeyError: no such run.
        """
        past = self._pasts[run]
        while past.spec.parent and step <= past.spec.fork_step:
            past = self._pasts[past.spec.parent]
        return spec_at(past, step)

    def told(self, trainer: Trainer) -> dict[str, Any]:
        """A run's whole specification, with the seed of its masks."""
        run = trainer.identity
        return asdict(run) | {"mask_seed": self._spec.mask_seed(run)}

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
            trainer.move(self._free_slot())
        if trainer.diverged_step is not None:
            trainer.state = "diverged"
        else:
            trainer.state = "finished" if trainer.step >= steps else "running"
        return trainer

    def _slot_taken(self, trainer: Trainer) -> bool:
        slot = trainer.identity.slot
        return any(other.identity.slot == slot for other in self._present())

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
            if trainer.replays:
                words = f"its steps up to {trainer.until} are being made again"
                raise SettingError("run", trainer.identity.id, f"a run that is there: {words}")
        prepared = [trainer.prepare(setting, value) for trainer in chosen]
        changes = [trainer.apply(change) for trainer, change in zip(chosen, prepared, strict=True)]
        for change in changes:
            if change.run is not None and change.new is not None:
                past = self._pasts[change.run]
                past.changes.append(Changed(change.step, change.setting, change.new))
        return changes


def _forked(before: RunSpec, given: Mapping[str, Any]) -> dict[str, Any]:
    """The parts of a fork: the parent's, with what is given in their place."""
    parts = {name: getattr(before, name) for name in RUN_PARTS if name != "label"}
    merged = ("settings", "policy_settings", "schedule_settings")
    for name in merged:
        if name in given:
            parts[name] = {**parts[name], **given[name]}
    for name in ("policy", "schedule"):
        if given.get(name, parts[name]) != parts[name]:
            parts[f"{name}_settings"] = given.get(f"{name}_settings", {})
    optimizer = given.get("optimizer", before.optimizer)
    if optimizer != before.optimizer:
        mend = f"{before.optimizer}: a fork goes on with its parent's moments; add a run instead"
        raise SettingError("optimizer", optimizer, mend)
    return parts | {name: value for name, value in given.items() if name not in merged}
