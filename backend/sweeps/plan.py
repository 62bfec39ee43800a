"""Which experiments train the cells of a sweep; all of it is checked before the first starts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from backend.jobs.checked import AROUND
from backend.protocol import ExperimentIn, RunIn, SweepAxis, SweepAxisIn, SweepIn, Value
from lrd_core.engine.experiment import MAX_RUNS, POLICY_PREFIX, check_experiment
from lrd_core.optim.policies import Policy, get_policy
from lrd_core.optim.rules import Rule, get_rule
from lrd_core.problems import get_problem
from lrd_core.problems.problem import Problem
from lrd_core.settings import DROP_RATE, Setting, SettingError

#: Values on an axis: a row is trained by one experiment, as its runs.
MOST_VALUES = MAX_RUNS
SEEDS = Setting("seeds", 1, low=1, high=32)
#: Experiments of a sweep on a surface, where every seed has its own.
MOST_EXPERIMENTS = 64
#: Settings that are chosen by name, with momentum as the suggested learning rates are meant.
SUGGESTED: dict[str, dict[str, Value]] = {"sgd": {"momentum": 0.9}}


@dataclass(frozen=True)
class Plan:
    """A checked sweep: `given` with all defaults, and by row of the grid its experiments."""

    given: SweepIn
    rows: list[list[ExperimentIn]]


def planned(given: SweepIn) -> Plan:
    """The experiments of a sweep.

    Raises:
        SettingError: with the field's name in `SweepIn`, e.g. ``x.values.3``.
    """
    problem = get_problem(given.problem)
    seeds = int(SEEDS.check(given.seeds))
    run = _with_suggested(given.run, problem)
    x, y = _checked_axis("x", given.x, run), _checked_axis("y", given.y, run)
    if x.setting == y.setting:
        raise SettingError("y.setting", y.setting, f"another setting than x, which is {x.setting}")
    apart = seeds if problem.kind == "surface" else 1
    if len(y.values) * apart > MOST_EXPERIMENTS:
        allowed = f"at most {MOST_EXPERIMENTS // len(y.values)}: on a surface each row of "
        allowed += "the grid is one experiment a seed"
        raise SettingError("seeds", seeds, allowed)
    steps = given.steps if given.steps is not None else problem.steps
    every = given.test_every if given.test_every is not None else problem.test_every
    whole = given.model_copy(
        update={"run": run, "x": x, "y": y, "seeds": seeds, "steps": steps, "test_every": every}
    )
    rows = [
        [_experiment(whole, run, value, seed, apart > 1) for seed in range(apart)]
        for value in y.values
    ]
    for j, row in enumerate(rows):
        _check(row[0], build=j == 0)
    return Plan(whole, rows)


def _chosen(run: RunIn) -> tuple[Rule, Policy]:
    """Its rule and policy.

    Raises:
        SettingError: ``run.optimizer`` or ``run.policy``, with those that there are.
    """
    try:
        return get_rule(run.optimizer), get_policy(run.policy)
    except SettingError as error:
        raise error.within("run") from None


def axis_setting(run: RunIn, name: str, field: str) -> Setting:
    """The setting that an axis is called by.

    Raises:
        SettingError: there is none, or it is no number.
    """
    rule, policy = _chosen(run)
    known = {DROP_RATE.name: DROP_RATE} | {one.name: one for one in rule.settings}
    known |= {POLICY_PREFIX + one.name: one for one in policy.settings}
    numbers = {name: one for name, one in known.items() if one.kind in ("float", "int")}
    if name not in numbers:
        raise SettingError(field, name, "one of these numbers: " + ", ".join(numbers))
    return numbers[name]


def axis(run: RunIn, given: SweepAxisIn) -> SweepAxis:
    """An axis of a sweep that was checked, with words for a person."""
    try:
        setting = axis_setting(run, given.setting, "setting")
        label = setting.label or setting.name
    except SettingError:  # its optimizer or policy has gone since
        label = given.setting
    return SweepAxis(setting=given.setting, label=label, values=given.values)


def value_of(run: Any, setting: str) -> Value | None:
    """What a run (as asked for, or stored) has of a setting by its name on an axis."""
    if setting == DROP_RATE.name:
        return float(run.drop_rate)
    if setting.startswith(POLICY_PREFIX):
        found: Value | None = run.policy_settings.get(setting.removeprefix(POLICY_PREFIX))
    else:
        found = run.settings.get(setting)
    return found


def _with_suggested(run: RunIn, problem: Problem) -> RunIn:
    _chosen(run)
    suggested = {**SUGGESTED.get(run.optimizer, {})}
    suggested |= problem.suggested_settings.get(run.optimizer, {})
    return run.model_copy(update={"settings": suggested | run.settings})


def _checked_axis(field: str, given: SweepAxisIn, run: RunIn) -> SweepAxisIn:
    setting = axis_setting(run, given.setting, f"{field}.setting")
    if not 1 <= len(given.values) <= MOST_VALUES:
        allowed = f"1 to {MOST_VALUES} values"
        raise SettingError(f"{field}.values", len(given.values), allowed)
    for i, value in enumerate(given.values):
        setting.check(value, f"{field}.values.{i}")
        if value in given.values[:i]:
            raise SettingError(f"{field}.values.{i}", value, "each value once")
    return given.model_copy(update={"values": sorted(given.values)})


def _experiment(whole: SweepIn, run: RunIn, y: float, seed: int, apart: bool) -> ExperimentIn:
    runs = [_set(_set(run, whole.y.setting, y), whole.x.setting, x) for x in whole.x.values]
    # The list of experiments tells these rows from each other.
    words = f"{whole.name or 'sweep'} · {whole.y.setting} {y:g}"
    return ExperimentIn(
        problem=whole.problem,
        settings=whole.settings,
        seed=whole.seed + seed,
        seeds=1 if apart else whole.seeds,
        steps=whole.steps,
        test_every=whole.test_every,
        speed=0.0,
        runs=runs,
        name=words[:100],
    )


def _set(run: RunIn, setting: str, value: float) -> RunIn:
    known = axis_setting(run, setting, "setting")
    typed: Value = int(value) if known.kind == "int" else value
    if setting == DROP_RATE.name:
        return run.model_copy(update={"drop_rate": value})
    if setting.startswith(POLICY_PREFIX):
        more = {setting.removeprefix(POLICY_PREFIX): typed}
        return run.model_copy(update={"policy_settings": run.policy_settings | more})
    return run.model_copy(update={"settings": run.settings | {setting: typed}})


def _check(given: ExperimentIn, build: bool) -> None:
    parts = given.model_dump(exclude=AROUND, exclude_none=True)
    try:
        check_experiment(parts, build=build)
    except SettingError as error:
        # All runs of a row differ in nothing but the axes: it is one of the base run's settings.
        head, _, rest = error.field.partition(".")
        if head != "runs" or not rest:
            raise
        field = "run." + rest.partition(".")[2]
        raise SettingError(field, error.value, error.allowed) from None


def spread(values: Sequence[float]) -> tuple[float | None, float | None]:
    """Mean and sample standard deviation of finite values; None where there are too few."""
    if not values:
        return None, None
    # Whoever diverges goes so far that sums and squares overflow.
    mean = math.fsum(value / len(values) for value in values)
    if len(values) < 2:
        return mean, None
    return mean, math.hypot(*(value - mean for value in values)) / math.sqrt(len(values) - 1)
