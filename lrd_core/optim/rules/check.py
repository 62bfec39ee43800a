"""What a rule must be before it is used: told at once, not in the middle of a training."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice, product

from lrd_core.optim.rules.rule import Rule
from lrd_core.settings import Setting, SettingError, Value

#: Keys of parameter groups that are not settings of a rule.
_GROUP_KEYS = ("params", "param_names", "drop_rate")
#: Combinations of switches that are traced at most.
_COMBINATIONS = 64


def mend(rule: Rule) -> str:
    """What the rule has to be and is not, in words; empty if it can be used."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", rule.name):
        return f"a name of small letters, digits and _ (not {rule.name!r})"
    names = [setting.name for setting in rule.settings]
    if "lr" not in names:
        return "settings with an lr"
    together = ["p", "g", "step", *rule.state, *(rule.scalars or {}), *names]
    for name in together:
        if together.count(name) > 1:
            return (
                f"every name once among p, g, step, state, scalars and settings ({name} is twice)"
            )
        if name in _GROUP_KEYS or re.fullmatch(r"[ct]\d+", name) or not name.isidentifier():
            return f"another name than {name!r} for a setting or state"
    for setting in rule.settings:
        try:
            setting.check(setting.default)
        except SettingError as error:
            return f"defaults inside their ranges ({error})"
    return _untraceable(rule)


def _untraceable(rule: Rule) -> str:
    from lrd_core.optim.kernels.program import known_settings, program

    for settings in _choices(rule):
        try:
            program(rule, known_settings(rule, settings))
        except Exception as error:
            # The file is a stranger's: whatever it raises, the answer names it.
            words = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            return f"an update that can be traced ({words})"
    return ""


def _choices(rule: Rule) -> Iterator[dict[str, Value]]:
    """Settings that make different programs: every switch each way, numbers at 0 and not at 0."""
    switches = [s for s in rule.settings if s.kind in ("bool", "choice")]
    numbers = [s for s in rule.settings if s.kind in ("float", "int")]
    both: list[dict[str, Value]] = [_zero_where_allowed(numbers), {s.name: 1.0 for s in numbers}]
    values: list[tuple[Value, ...]] = [
        (True, False) if s.kind == "bool" else s.choices for s in switches
    ]
    for chosen in islice(product(*values), _COMBINATIONS):
        named: dict[str, Value] = dict(zip([s.name for s in switches], chosen, strict=True))
        yield from ({**named, **some} for some in both)


def _zero_where_allowed(numbers: list[Setting]) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for setting in numbers:
        try:
            found[setting.name] = setting.check(0)
        except SettingError:
            found[setting.name] = setting.default
    return found
