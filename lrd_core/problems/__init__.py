"""What can be trained on: surfaces and tasks, found by looking into their folders.

A file in `surfaces/` or `tasks/` that defines `PROBLEM` is in the catalogue; nothing else to edit.
"""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType

from lrd_core.problems import surfaces, tasks
from lrd_core.problems.problem import Instance, Point, Problem, View
from lrd_core.problems.surfaces.surface import Surface
from lrd_core.settings import SettingError

__all__ = [
    "PROBLEMS",
    "Instance",
    "Point",
    "Problem",
    "Surface",
    "View",
    "get_problem",
    "get_surface",
]


def _found(package: ModuleType) -> list[Problem]:
    """The `PROBLEM` of every module of `package` that has one, in menu order."""
    paths = (
        f"{package.__name__}.{module.name}" for module in pkgutil.iter_modules(package.__path__)
    )
    modules = map(importlib.import_module, paths)
    problems: list[Problem] = [m.PROBLEM for m in modules if hasattr(m, "PROBLEM")]
    return sorted(problems, key=lambda problem: (problem.order, problem.name))


#: Every problem by name, in menu order: surfaces first.
PROBLEMS: dict[str, Problem] = {
    problem.name: problem for problem in (*_found(surfaces), *_found(tasks))
}


def get_problem(name: str) -> Problem:
    """The problem called `name`.

    Raises:
        SettingError: no such problem; its field is ``problem``.
    """
    problem = PROBLEMS.get(name) if isinstance(name, str) else None
    if problem is None:
        raise SettingError("problem", name, "one of " + ", ".join(PROBLEMS))
    return problem


def get_surface(name: str) -> Surface:
    """The surface called `name`.

    Raises:
        SettingError: no such problem, or a task; its field is ``problem``.
    """
    problem = get_problem(name)
    if not isinstance(problem, Surface):
        names = ", ".join(p.name for p in PROBLEMS.values() if isinstance(p, Surface))
        raise SettingError("problem", name, f"a surface: one of {names}")
    return problem
