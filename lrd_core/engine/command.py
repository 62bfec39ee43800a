"""An experiment as a command line, and back: the same numbers without a server."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping

from lrd_core.engine.controls import Change, Control
from lrd_core.engine.experiment import POLICY_PREFIX, SCHEDULE_PREFIX, ExperimentSpec, RunSpec
from lrd_core.optim.lr_schedules import CONSTANT, get_lr_schedule
from lrd_core.optim.policies import get_policy
from lrd_core.optim.rules import get_rule
from lrd_core.problems import get_problem
from lrd_core.settings import Setting, SettingError, Value

RUN_FIELDS = ("drop_rate", "policy", "rescale", "label", "schedule")


def command(spec: ExperimentSpec, changes: Iterable[tuple[int, Change]] = ()) -> str:
    """`lrd run …` that trains `spec`; `changes` are settings that took effect at a step; those of
    runs that `spec` lacks are left out."""
    parts = ["lrd run", f"--problem {spec.problem}", f"--seed {spec.seed}", f"--steps {spec.steps}"]
    problem = get_problem(spec.problem)
    changed = _changed(problem.settings, spec.settings)
    parts += [f"--set {shlex.quote(token)}" for token in changed]
    if spec.test_every != problem.test_every:
        parts.append(f"--test-every {spec.test_every}")
    for name in ("seeds", "threads", "curvature_every"):
        value, default = getattr(spec, name), int(name != "curvature_every")
        if value != default:
            parts.append(f"--{name.replace('_', '-')} {value}")
    if not spec.shared_masks:
        parts.append("--own-masks")
    parts += [f"--run {shlex.quote(run_text(run))}" for run in spec.runs]
    places = {run.id: f"r{index + 1}" for index, run in enumerate(spec.runs)}
    for step, change in changes:
        place = "all" if change.run is None else places.get(change.run)
        if place is not None:
            text = f"{step} {place} {change.setting}={_plain(change.new)}"
            parts.append(f"--at {shlex.quote(text)}")
    return " ".join(parts)


def run_text(run: RunSpec) -> str:
    """A run as `--run` takes it, e.g. ``adam lr=0.003 drop_rate=0.5``; defaults are left out.

    A policy's settings are written ``policy.NAME=VALUE``, a schedule's ``schedule.NAME=VALUE``.
    """
    tokens = [run.optimizer, f"lr={_plain(run.settings['lr'])}"]
    rule = get_rule(run.optimizer)
    tokens += [t for t in _changed(rule.settings, run.settings) if not t.startswith("lr=")]
    if run.drop_rate:
        tokens.append(f"drop_rate={_plain(run.drop_rate)}")
    if run.policy != "elementwise":
        tokens.append(f"policy={run.policy}")
    changed = _changed(get_policy(run.policy).settings, run.policy_settings)
    tokens += [POLICY_PREFIX + token for token in changed]
    if run.rescale:
        tokens.append("rescale=true")
    if run.schedule != CONSTANT:
        tokens.append(f"schedule={run.schedule}")
    changed = _changed(get_lr_schedule(run.schedule).settings, run.schedule_settings)
    tokens += [SCHEDULE_PREFIX + token for token in changed]
    return " ".join(tokens)


def _changed(settings: Iterable[Setting], values: Mapping[str, Value]) -> list[str]:
    # A run may have been stored by a version that did not have the setting yet.
    return [
        f"{setting.name}={_plain(values[setting.name])}"
        for setting in settings
        if values.get(setting.name, setting.default) != setting.default
    ]


def _plain(value: Value | None) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def parse_value(text: str) -> Value:
    """A number, true, false or a word."""
    if text in ("true", "false"):
        return text == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _split(text: str, field: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        raise SettingError(field, text, "words with quotes that close") from None


def parse_pairs(tokens: Iterable[str], field: str) -> dict[str, Value]:
    """`name=value` tokens as a dictionary.

    Raises:
        SettingError: a token without ``=``.
    """
    pairs: dict[str, Value] = {}
    for token in tokens:
        name, equals, value = token.partition("=")
        if not equals or not name or not value:
            raise SettingError(field, token, "name=value")
        pairs[name] = parse_value(value)
    return pairs


def parse_run(text: str) -> dict[str, object]:
    """The parts of a run (see `experiment.check_run`) from `--run`'s text.

    Raises:
        SettingError: no optimizer, or a token that is not name=value.
    """
    tokens = _split(text, "run")
    if not tokens:
        raise SettingError("run", text, "an optimizer and its settings, e.g. 'adam lr=0.003'")
    pairs = parse_pairs(tokens[1:], "run")
    run: dict[str, object] = {"optimizer": tokens[0]}
    run |= {name: pairs.pop(name) for name in RUN_FIELDS if name in pairs}
    for part, prefix in (
        ("policy_settings", POLICY_PREFIX),
        ("schedule_settings", SCHEDULE_PREFIX),
    ):
        named = [name for name in pairs if name.startswith(prefix)]
        if named:
            run[part] = {name.removeprefix(prefix): pairs.pop(name) for name in named}
    return run | {"settings": pairs}


def parse_at(text: str) -> tuple[int, Control]:
    """A scheduled control from `--at`'s text: ``STEP RUN SETTING=VALUE`` (RUN: r1, r2, … or all).

    Raises:
        SettingError: anything else.
    """
    tokens = _split(text, "at")
    allowed = "STEP RUN SETTING=VALUE, e.g. '120 r2 drop_rate=0.5'"
    if len(tokens) != 3 or not tokens[0].isdigit() or int(tokens[0]) < 1:
        raise SettingError("at", text, allowed)
    step, run = int(tokens[0]), tokens[1]
    pairs = parse_pairs(tokens[2:], "at")
    (setting, value), *_ = pairs.items()
    chosen = None if run == "all" else run
    return step, Control(f"at {text}", "set", chosen, setting, value)
