"""The experiment beside a lesson, and what its buttons change in it: all checked at reading."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from backend.lessons.front import texts
from lrd_core.engine.command import parse_at, parse_run
from lrd_core.engine.experiment import (
    EXPERIMENT_PARTS,
    MAX_RUNS,
    POLICY_PREFIX,
    ExperimentSpec,
    RunSpec,
    check_experiment,
    check_run,
)
from lrd_core.optim.policies import get_policy
from lrd_core.optim.rules import get_rule
from lrd_core.problems import get_problem
from lrd_core.settings import DROP_RATE, SettingError

RUN_EXAMPLE = "adam lr=0.003 drop_rate=0.5"
SET_EXAMPLE = "r2 drop_rate=0.9"
#: The backend has its own number of threads.
_PARTS = ("paused", *(part for part in EXPERIMENT_PARTS if part != "threads"))


class Bench:
    """What stands on the table while a lesson is read: the experiment as its buttons leave it.

    Attributes:
        given: the lesson's own experiment, as an `ExperimentIn`.
        spec: the same, checked.
    """

    def __init__(self, table: object) -> None:
        """From the front matter's ``[experiment]``.

        Raises:
            SettingError: anything that could not be started.
        """
        if not isinstance(table, Mapping) or "problem" not in table:
            raise SettingError("experiment", table, "a table with a problem and runs")
        self.given, self.spec = _experiment(table)
        self._now: list[RunSpec] = list(self.spec.runs)

    def start(self, table: object) -> dict[str, object]:
        """The lesson's experiment with other parts, as an `ExperimentIn`.

        Raises:
            SettingError: anything that could not be started; its field begins with ``start``.
        """
        if not isinstance(table, Mapping):
            raise SettingError("start", table, "a table with the parts that differ, or {}")
        parts = dict(table)
        if "settings" in parts and "problem" not in parts:
            own = self.given.get("settings", {})
            parts["settings"] = {**own, **parts["settings"]}  # type: ignore[dict-item]
        elif "problem" in parts:
            parts.setdefault("settings", {})
        try:
            given, spec = _experiment({**self.given, **parts})
        except SettingError as error:
            raise error.within("start") from None
        self._now = list(spec.runs)
        return given

    def add(self, text: str) -> dict[str, object]:
        """A run as ``--run`` of the command line takes it, as a control.

        Raises:
            SettingError: a bad run, or one too many; its field begins with ``add``.
        """
        if len(self._now) >= MAX_RUNS:
            raise SettingError("add", text, f"at most {MAX_RUNS} runs in one experiment")
        problem = get_problem(self.spec.problem)
        try:
            run = parse_run(text)
            checked = check_run(
                run, len(self._now), problem.suggested_lr, problem.kind, self.spec.steps
            )
        except SettingError as error:
            raise error.within("add") from None
        self._now.append(checked)
        return {"kind": "add_run", "spec": run}

    def set(self, text: str) -> dict[str, object]:
        """``RUN SETTING=VALUE`` (RUN: r1, r2, … or all), as a control.

        Raises:
            SettingError: an unknown run or setting, or a value out of its range; its field begins
                with ``set``.
        """
        try:
            _, control = parse_at(f"1 {text}")
        except SettingError:
            raise SettingError("set", text, f"RUN SETTING=VALUE, e.g. {SET_EXAMPLE!r}") from None
        runs = [run for run in self._now if control.run in (None, run.id)]
        if not runs:
            allowed = "one of all, " + ", ".join(run.id for run in self._now)
            raise SettingError("set", control.run, allowed)
        for run in runs:
            _check_change(run, str(control.setting), control.value)
        return {
            "kind": "set",
            "run": control.run,
            "setting": control.setting,
            "value": control.value,
        }


def _experiment(table: Mapping[str, Any]) -> tuple[dict[str, object], ExperimentSpec]:
    given = dict(table)
    paused = given.pop("paused", False)
    if not isinstance(paused, bool):
        raise SettingError("experiment.paused", paused, "true or false")
    try:
        for name in given:
            if name not in _PARTS:
                raise SettingError(name, given[name], "one of " + ", ".join(_PARTS))
        if "runs" in given and not all(isinstance(run, Mapping) for run in given["runs"]):
            runs = texts(given["runs"], "runs", RUN_EXAMPLE)
            given["runs"] = [_run(index, text) for index, text in enumerate(runs)]
        spec = check_experiment(given)
    except SettingError as error:
        raise error.within("experiment") from None
    return given | {"paused": paused}, spec


def _run(index: int, text: str) -> dict[str, object]:
    try:
        return parse_run(text)
    except SettingError as error:
        raise SettingError(f"runs.{index}", error.value, error.allowed) from None


def _check_change(run: RunSpec, name: str, value: object) -> None:
    """Whether a run could take this change while it trains."""
    field = f"set.{name}"
    if name == DROP_RATE.name:
        DROP_RATE.check(value, field)
        return
    if name.startswith(POLICY_PREFIX):
        settings = get_policy(run.policy).settings
        own = name.removeprefix(POLICY_PREFIX)
    else:
        settings, own = get_rule(run.optimizer).settings, name
    live = {setting.name: setting for setting in settings if setting.live}
    if own not in live:
        allowed = "one of " + ", ".join([DROP_RATE.name, *live])
        raise SettingError("set", name, allowed)
    live[own].check(value, field)
