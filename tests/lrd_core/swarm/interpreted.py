"""A swarm's kernel run by Python itself, line by line: all rules with all policies, uncompiled."""

from __future__ import annotations

import ctypes
import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from lrd_core.optim.kernels.program import Program
from lrd_core.problems import Surface
from lrd_core.swarm import kernels, source, stepping
from lrd_core.swarm.formula import gradient
from lrd_core.swarm.kernels import Kernel
from lrd_core.swarm.layout import Variant, layout

#: Starts in a block: Python is slow.
BLOCK = 4


def interpret(monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on swarms of this test run uncompiled."""
    monkeypatch.setattr(source, "BLOCK", BLOCK)
    monkeypatch.setattr(stepping, "BLOCK", BLOCK)
    monkeypatch.setattr(kernels, "find", _find)


def _find(surface: Surface, program: Program, variant: Variant) -> tuple[Kernel, bool]:
    surface, variant = kernels._untouched(surface, variant)
    text = source.source(surface, gradient(surface), program, variant)
    return Kernel(namespace(text, variant.bits)["kernel"], layout(program, variant)), False


def namespace(text: str, bits: int) -> dict[str, Any]:
    """What a kernel's module defines; of its imports Python's own counterparts."""
    lines = text.splitlines()
    first = next(i for i, line in enumerate(lines) if line.startswith("@njit"))
    given = dict(_WORDS)
    given |= {
        "F": np.float64 if bits == 64 else np.float32,
        "pointer": lambda address: (address, ctypes.c_double if bits == 64 else ctypes.c_float),
        "WIDTH": bits // 8,
        "BLOCK": BLOCK,
        "ROWS": _number(lines, "ROWS"),
        "NEVER": np.inf,
        "NEGATIVE_ZERO": -0.0,
    }
    body = "\n".join(lines[first:])

    exec(compile(body, "<interpreted>", "exec"), given)
    call = given.get("kernel")
    if call is not None:
        given["kernel"] = lambda address: _quietly(call, address)
    return given


def _quietly(call: Any, address: int) -> None:
    with np.errstate(all="ignore"):
        call(address)


def _number(lines: list[str], name: str) -> int:
    found = [line for line in lines if line.startswith(f"{name} = ")]
    return int(found[0].split(" = ")[1]) if found else 0


def _carray(pointer: tuple[int, Any], shape: Any) -> Any:
    address, kind = pointer
    whole = shape if isinstance(shape, tuple) else (shape,)
    count = int(np.prod(whole))
    at = ctypes.cast(int(address), ctypes.POINTER(kind))
    return np.ctypeslib.as_array(at, shape=(count,)).reshape(whole)


def _decorator(*_arguments: Any, **_options: Any) -> Any:
    return lambda function: function


_WORDS: dict[str, Any] = {
    "math": math,
    "np": np,
    "njit": _decorator,
    "cfunc": _decorator,
    "types": SimpleNamespace(void=lambda *_kinds: None, int64=None),
    "carray": _carray,
    "to_int64": lambda address: (address, ctypes.c_int64),
    "to_uint32": lambda address: (address, ctypes.c_uint32),
    "uint32": np.uint32,
    "int32": np.int32,
    "int64": np.int64,
    "float64": np.float64,
    "fma": lambda a, b, c: a * b + c,
    "select": lambda condition, a, b: a if condition else b,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "absolute": np.abs,
    "sqrt": np.sqrt,
    "power": np.power,
}
