"""The optimizers: every module here with a `RULE` is one, so a new one is one new file."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from lrd_core.optim.rules.rule import Rule
from lrd_core.settings import SettingError

__all__ = ["RULES", "Rule", "get_rule"]

#: The menu begins with these; all others follow by name.
_FIRST = ("sgd", "rmsprop", "adam", "adamw", "amsgrad", "nadam", "radam", "adagrad", "adadelta")


def _discover() -> dict[str, Rule]:
    modules = (import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__))
    found = {module.RULE.name: module.RULE for module in modules if hasattr(module, "RULE")}
    names = [name for name in _FIRST if name in found]
    return {name: found[name] for name in names + sorted(found.keys() - set(names))}


RULES: dict[str, Rule] = _discover()


def get_rule(name: str) -> Rule:
    """The rule of this name.

    Raises:
        SettingError: there is none; the message lists those that exist.
    """
    if name not in RULES:
        raise SettingError("optimizer", name, "one of " + ", ".join(RULES))
    return RULES[name]
