"""The optimizers: every module here with a `RULE` is one, so a new one is one new file.

A file elsewhere becomes one by `load_rule`, or by the environment variable ``LRD_RULES``: paths of
such files, separated as in ``PATH``, loaded by every process of the program. Its name must be new:
the built-in names mean the same everywhere.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from linecache import checkcache
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType

from lrd_core.optim.rules.check import mend
from lrd_core.optim.rules.rule import Rule, TorchForm
from lrd_core.settings import SettingError

__all__ = ["BUILT_IN", "RULES", "Rule", "TorchForm", "get_rule", "load_rule"]

#: Environment variable with paths of further rules.
VARIABLE = "LRD_RULES"

#: The menu begins with these; all others follow by name.
_FIRST = (
    "sgd",
    "rmsprop",
    "adam",
    "adamw",
    "amsgrad",
    "nadam",
    "radam",
    "adagrad",
    "adadelta",
    "lion",
)


def _discover() -> dict[str, Rule]:
    modules = (import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__))
    found = {module.RULE.name: module.RULE for module in modules if hasattr(module, "RULE")}
    names = [name for name in _FIRST if name in found]
    return {name: found[name] for name in names + sorted(found.keys() - set(names))}


RULES: dict[str, Rule] = _discover()
#: Names of the rules that come with this package.
BUILT_IN = frozenset(RULES)
#: Where the others come from, by name.
_files: dict[str, Path] = {}


def get_rule(name: str) -> Rule:
    """The rule of this name.

    Raises:
        SettingError: there is none; the message lists those that exist.
    """
    if name not in RULES:
        raise SettingError("optimizer", name, "one of " + ", ".join(RULES))
    return RULES[name]


def load_rule(path: str | os.PathLike[str]) -> Rule:
    """Adds the `RULE` of a Python file to `RULES`.

    Loading a file again replaces its rule: an optimizer made before keeps the old one.

    Raises:
        SettingError: no such file, it fails, its rule cannot be used, or its name is taken by a
            built-in rule or by another file's.
    """
    file = Path(path).resolve()
    if not file.is_file():
        raise SettingError("rule", str(path), "the path of a Python file")
    rule = getattr(_executed(file), "RULE", None)
    if not isinstance(rule, Rule):
        raise SettingError("rule", str(path), "a file that defines RULE = Rule(…)")
    if rule.name in BUILT_IN:
        raise SettingError("rule", str(path), f"another name than {rule.name!r}: it is built in")
    if rule.name in RULES and _files.get(rule.name) != file:
        taken = f"another name than {rule.name!r}: {_files[rule.name]} has it"
        raise SettingError("rule", str(path), taken)
    if wanted := mend(rule):
        raise SettingError("rule", str(path), wanted)
    RULES[rule.name] = rule
    _files[rule.name] = file
    return rule


def _executed(file: Path) -> ModuleType:
    """The file's module, made anew: no bytecode is kept, since the file may be edited."""
    name = f"lrd_rule_{file.stem}"
    module = ModuleType(name)
    module.__file__ = str(file)
    checkcache(str(file))
    before = sys.modules.get(name)
    # Data classes and pickles look for their module there.
    sys.modules[name] = module
    try:
        exec(compile(file.read_bytes(), str(file), "exec"), vars(module))  # noqa: S102
    except Exception as error:
        del sys.modules[name]
        if before is not None:
            sys.modules[name] = before
        words = f"{type(error).__name__}: {error}"
        raise SettingError("rule", str(file), f"a file that runs ({words})") from error
    return module


for _path in filter(None, os.environ.get(VARIABLE, "").split(os.pathsep)):
    load_rule(_path)
