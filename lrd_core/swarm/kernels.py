"""Compiled swarm kernels: made once for a surface, rule and policy, then kept on disk."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from lrd_core.optim.kernels import objects
from lrd_core.optim.kernels.program import Program
from lrd_core.problems import Surface
from lrd_core.settings import SettingError
from lrd_core.swarm.layout import Layout, Variant, layout
from lrd_core.swarm.source import source

_Function: Any = ctypes.CFUNCTYPE(None, ctypes.c_int64)


@dataclass(frozen=True, slots=True)
class Kernel:
    """Code that steps a swarm.

    Attributes:
        call: takes the address of a header (`source.HEADER`); lets go of the GIL.
        rows: of the blocks it works on.
    """

    call: Callable[[int], None]
    rows: Layout


#: By surface and program object, which are kept beside the kernel, so that no id comes twice.
_kernels: dict[tuple[int, int, Variant], tuple[Kernel, Surface, Program]] = {}


def find(surface: Surface, program: Program, variant: Variant) -> tuple[Kernel, bool]:
    """The kernel, and whether it had to be compiled now (a second or more).

    Raises:
        SettingError: the surface's formula cannot be differentiated, or nothing can compile here.
    """
    surface, variant = _untouched(surface, variant)
    key = (id(surface), id(program), variant)
    if key in _kernels:
        return _kernels[key][0], False
    with objects.COMPILING:
        if key in _kernels:
            return _kernels[key][0], False
        name, text = _module(surface, program, variant)
        functions, compiled = objects.load(name, text), False
        if functions is None:
            missing = objects.compiler()
            if missing:
                raise SettingError("engine", "swarm", f"numba, which compiles it: {missing}")
            functions, compiled = objects.build(name, text, ("kernel",)), True
        kernel = Kernel(_Function(functions["kernel"]), layout(program, variant))
        _kernels[key] = kernel, surface, program
        return kernel, compiled


def at_hand(surface: Surface, program: Program, variant: Variant) -> bool:
    """Whether the kernel is loaded, or kept on this machine's disk."""
    surface, variant = _untouched(surface, variant)
    if (id(surface), id(program), variant) in _kernels:
        return True
    return objects.path_of(*_module(surface, program, variant)).exists()


def _untouched(surface: Surface, variant: Variant) -> tuple[Surface, Variant]:
    """What code is made of: of a turned surface the one that it was."""
    if surface.untouched is None:
        return surface, variant
    return surface.untouched, replace(variant, turned=True)


def _module(surface: Surface, program: Program, variant: Variant) -> tuple[str, str]:
    """Name and text."""
    # sympy takes half a second to import.
    from lrd_core.swarm.formula import gradient

    name = f"swarm_{surface.name}_{program.rule.name}"
    return name, source(surface, gradient(surface), program, variant)
