"""`lrd bench NAME`: run one of the benchmarks in `lrd_core.bench` and report its ratios."""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import lrd_core.bench
from lrd_core.bench.machine import describe
from lrd_core.settings import SettingError


def bench(name: str, as_json: bool, out: Path | None) -> int:
    """Measure; one JSON line, or a short table."""
    names = [m.name for m in iter_modules(lrd_core.bench.__path__) if m.name != "machine"]
    if name not in names:
        raise SettingError("name", name, "one of " + ", ".join(names))
    result = import_module(f"lrd_core.bench.{name}").measure()
    record = {"benchmark": name, **result, "machine": describe()}
    if out is not None:
        out.write_text(
            json.dumps({**record, "command": f"lrd bench {name} --json"}, indent=2) + "\n"
        )
    if as_json:
        sys.stdout.write(json.dumps(record) + "\n")
    else:
        for key, value in result.items():
            sys.stdout.write(f"{key:32} {value}\n")
    return 0
