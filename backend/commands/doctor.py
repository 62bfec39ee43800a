"""`lrd doctor`: what this installation has, and what would be in the way of `lrd serve`."""

from __future__ import annotations

import json
import platform
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table
from sqlalchemy.engine import make_url

from backend.commands.engines import Row, rows, show
from backend.commands.port import authority, refusal
from backend.settings import Settings, load_settings
from backend.store.database import check_database
from lrd_core.optim.random_bits import keep_mask
from lrd_core.settings import SettingError

PACKAGES = ("torch", "streamlit", "fastapi", "uvicorn", "websockets", "pydantic", "sqlalchemy")
#: Kept (1) and dropped of coordinates 0 to 31: seed 0, step 1, tensor 0, drop rate 0.5.
FIRST_BITS = "10001000110001101110001110111010"
LIVE = Path("frontend") / "live" / "dist" / "manifest.json"


def doctor(as_json: bool) -> int:
    """Examine and report; 1 if something would keep the server from starting."""
    settings = load_settings()
    checks = [_python(), _device(), _masks(), _port(settings), _store(settings), _component()]
    versions = {name: version(name) for name in PACKAGES} | {"lrd-lab": version("lrd-lab")}
    kernels = rows()
    if as_json:
        found = {"versions": versions, "checks": checks, "kernels": kernels}
        sys.stdout.write(json.dumps(found) + "\n")
    else:
        _show(versions, checks, kernels)
    return 0 if all(check["ok"] for check in checks) else 1


def _check(name: str, ok: bool, text: str) -> dict[str, Any]:
    return {"name": name, "ok": ok, "text": text}


def _python() -> dict[str, Any]:
    system = f"{platform.system()} {platform.machine()}"
    return _check("python", sys.version_info >= (3, 11), f"{platform.python_version()}, {system}")


def _device() -> dict[str, Any]:
    if torch.cuda.is_available():
        return _check(
            "device", True, f"CUDA: {torch.cuda.get_device_name()}; jobs train on the CPU"
        )
    return _check("device", True, f"CPU, {torch.get_num_threads()} threads for torch")


def _masks() -> dict[str, Any]:
    """The first mask bits are known: other bits would mean another experiment."""
    mask = keep_mask(0, 1, 0, len(FIRST_BITS), 0.5, torch.device("cpu"))
    bits = "".join("1" if kept else "0" for kept in mask.tolist())
    if bits == FIRST_BITS:
        return _check("masks", True, f"the first {len(bits)} bits are the known ones")
    return _check("masks", False, f"the first bits are {bits}, not {FIRST_BITS}; reinstall lrd-lab")


def _port(settings: Settings) -> dict[str, Any]:
    where = authority(settings.host, settings.port)
    if busy := refusal(settings.host, settings.port):
        mend = "stop what listens there, or set another with --port or LRD_PORT"
        return _check("port", False, f"{where}: {busy}; {mend}")
    return _check("port", True, f"{where} is free")


def _store(settings: Settings) -> dict[str, Any]:
    url = make_url(settings.store)
    path = None
    if url.get_backend_name() == "sqlite" and url.database:
        path = Path(url.database).resolve()
        if not path.exists():
            return _check("store", True, f"{path} (made at the first start)")
    try:
        check_database(settings.store)
    except SettingError as error:
        return _check("store", False, str(error))
    if path is None:
        return _check("store", True, url.render_as_string())
    return _check("store", True, f"{path}, {path.stat().st_size / 1e6:.1f} MB")


def _component() -> dict[str, Any]:
    built = (Path(__file__).resolve().parents[2] / LIVE).exists()
    return _check("live component", built, "built" if built else "not built; run `make setup`")


def _show(versions: dict[str, str], checks: list[dict[str, Any]], kernels: list[Row]) -> None:
    table = Table(show_header=False, box=None, pad_edge=False)
    for check in checks:
        sign = "[green]ok[/]" if check["ok"] else "[red]problem[/]"
        table.add_row(sign, check["name"], check["text"])
    table.add_row("", "packages", ", ".join(f"{name} {text}" for name, text in versions.items()))
    console = Console()
    console.print(table)
    show(console, kernels)
