"""`lrd bench NAME`: run one of the benchmarks in `lrd_core.bench` or `backend.bench`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from importlib import import_module
from inspect import signature
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import torch

import backend.bench
import lrd_core.bench
from lrd_core.bench.machine import describe
from lrd_core.settings import SettingError

DEVICES = ("cpu", "cuda")


def benchmarks() -> dict[str, Callable[..., dict[str, float]]]:
    """`measure` of every module that has one in the two folders, by the module's name."""
    modules = {
        module.name: import_module(f"{folder.__name__}.{module.name}")
        for folder in (lrd_core.bench, backend.bench)
        for module in iter_modules(folder.__path__)
    }
    return {name: m.measure for name, m in modules.items() if hasattr(m, "measure")}


def bench(name: str, device: str, as_json: bool, out: Path | None, short: bool = False) -> int:
    """Measure; one JSON line, or a short table. `short`: less exactly, in less time.

    Raises:
        SettingError: no such benchmark, or one that does not run on `device` or has no short form.
    """
    known = benchmarks()
    if name not in known:
        raise SettingError("name", name, "one of " + ", ".join(known))
    if device not in DEVICES:
        raise SettingError("device", device, " or ".join(DEVICES))
    measure = known[name]
    given: dict[str, Any] = {}
    if "device" in signature(measure).parameters:
        given["device"] = device
    elif device != "cpu":
        raise SettingError("device", device, f"cpu: the benchmark {name} runs there only")
    if short and "short" not in signature(measure).parameters:
        have = ", ".join(one for one, m in known.items() if "short" in signature(m).parameters)
        raise SettingError("short", name, f"a benchmark that has a short form: {have}")
    if short:
        given["short"] = True
    result = measure(**given)
    machine: dict[str, Any] = describe()
    if device == "cuda":
        machine["gpu"] = torch.cuda.get_device_name()
    record = {"benchmark": name, **given, **result, "machine": machine}
    if out is not None:
        words = ["lrd bench", name, *(["--device cuda"] if device == "cuda" else [])]
        words += [*(["--short"] if short else []), "--json"]
        out.write_text(json.dumps({**record, "command": " ".join(words)}, indent=2) + "\n")
    if as_json:
        sys.stdout.write(json.dumps(record) + "\n")
    else:
        for key, value in result.items():
            sys.stdout.write(f"{key:40} {value}\n")
    return 0
