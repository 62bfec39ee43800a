"""Compiled CPU code on disk: numba writes it once, llvmlite alone loads it again, in milliseconds.

Beside each object file lies what it must be: name of the function and hash of the bytes. Files are
named by the source, the compiler and the processor they are for.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import re
import threading
from collections.abc import Callable, Mapping
from functools import lru_cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lrd_core.optim.kernels import cache

#: Functions by name: addresses in memory. The code lives as long as the process.
Functions = Mapping[str, int]
#: A function of an address, called without the interpreter's lock.
Function = Callable[[int], None]

#: What numba's error paths would call; kernels have none that is taken.
_NEVER_CALLED = (
    "numba_do_raise",
    "numba_gil_ensure",
    "numba_gil_release",
    "numba_runtime_build_excinfo_struct",
    "numba_unpickle",
    "NRT_Free",
    "NRT_MemInfo_call_dtor",
)
_alive: list[Any] = []

#: Held while code is compiled and tested. Two threads in numba at once may wait for each other for
#: ever, and a fork must not cut off a thread that holds its locks: it waits for this one.
COMPILING = threading.RLock()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=COMPILING.acquire,
        after_in_parent=COMPILING.release,
        after_in_child=COMPILING.release,
    )


def compiler() -> str:
    """What is missing for compiling; empty if nothing is."""
    return "" if find_spec("numba") else "numba is not installed"


def load(name: str, source: str) -> Functions | None:
    """The functions of a module that was compiled before on this machine; None if it was not."""
    try:
        if find_spec("llvmlite") is None:
            return None
        stem = _stem(name, source)
        record = json.loads((cache.folder() / f"{stem}.json").read_text())
        found = {}
        for function, entry in record.items():
            code = (cache.folder() / f"{stem}_{function}.o").read_bytes()
            if hashlib.sha256(code).hexdigest() != entry["sha256"]:
                return None
            found[function] = _link(code, entry["symbol"])
        return found
    except (OSError, ValueError, KeyError, TypeError, RuntimeError):
        # Not there, or torn: compiled anew.
        return None


def build(name: str, source: str, functions: tuple[str, ...]) -> Functions:
    """Compiles a module's `cfunc`s with numba and keeps the code on disk, if it can be written."""
    scope: dict[str, Any] = {"__name__": f"lrd_kernel_{name}"}
    with COMPILING:
        exec(compile(source, f"<kernel {name}>", "exec"), scope)  # noqa: S102 (generated here)
        compiled = {function: scope[function] for function in functions}
        _alive.append(compiled)
        _save(name, source, compiled)
        return {function: int(code.address) for function, code in compiled.items()}


def _save(name: str, source: str, compiled: Mapping[str, Any]) -> None:
    try:
        stem = _stem(name, source)
        record = {}
        for function, code in compiled.items():
            bits = code._library._get_compiled_object()
            cache.write_file(cache.folder() / f"{stem}_{function}.o", bits)
            digest = hashlib.sha256(bits).hexdigest()
            record[function] = {"symbol": code._wrapper_name, "sha256": digest}
        cache.write_file(cache.folder() / f"{stem}.json", json.dumps(record).encode())
    except (AttributeError, RuntimeError, OSError):
        # Another numba, or a full disk: compiled again next time.
        return


def _stem(name: str, source: str) -> str:
    text = "\n".join([source, *_target()])
    return f"{name}_{hashlib.sha256(text.encode()).hexdigest()[:24]}"


@lru_cache(maxsize=1)
def _target() -> tuple[str, ...]:
    import llvmlite.binding as llvm

    numba = version("numba") if find_spec("numba") else ""
    features = llvm.get_host_cpu_features().flatten()
    return (numba, version("llvmlite"), llvm.get_host_cpu_name(), features)


@lru_cache(maxsize=1)
def _machine() -> Any:
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    abort = ctypes.cast(ctypes.CDLL(None).abort, ctypes.c_void_p).value
    for symbol in _NEVER_CALLED:
        if llvm.address_of_symbol(symbol) is None:
            llvm.add_symbol(symbol, abort)
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten()
    )


def _link(code: bytes, symbol: str) -> int:
    import llvmlite.binding as llvm
    from llvmlite.binding.object_file import ObjectFileRef

    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _machine())
    engine.add_object_file(ObjectFileRef.from_data(code))
    engine.finalize_object()
    address = int(engine.get_function_address(symbol))
    if not address:
        raise ValueError(f"no function {symbol}")
    _alive.append(engine)
    return address


def path_of(name: str, source: str) -> Path:
    """The record of a module's compiled code, whether it is there or not."""
    return cache.folder() / f"{_stem(name, source)}.json"


@lru_cache(maxsize=64)
def function(name: str, source: str, entry: str) -> Function | None:
    """One `cfunc` of an int64 of a module, ready to be called: loaded, or compiled while the caller
    waits. None where there is no compiler, or it fails."""
    code = _functions(name, source)
    return None if code is None else ctypes.CFUNCTYPE(None, ctypes.c_int64)(code[entry])


@lru_cache(maxsize=64)
def _functions(name: str, source: str) -> Functions | None:
    entries = tuple(re.findall(r"@cfunc.*\ndef (\w+)", source))
    try:
        with COMPILING:
            return load(name, source) or (None if compiler() else build(name, source, entries))
    except Exception:
        # Whatever the compiler stumbles over: callers have another way.
        return None
