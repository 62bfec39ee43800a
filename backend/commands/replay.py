"""`lrd replay`: a stored experiment's steps made again, every loss compared with the stored one."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import asdict
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from backend.jobs.compare import EQUAL, compared, recorded_of
from backend.jobs.past import beginning, record
from backend.settings import load_settings
from backend.store import Store, StoreError
from lrd_core.engine.again import again
from lrd_core.engine.devices import check_device
from lrd_core.engine.experiment import ExperimentSpec
from lrd_core.engine.lean import without_compiler
from lrd_core.engine.timeline import Resume
from lrd_core.settings import SettingError


def replay(id: str, url: str | None, run: str | None, as_json: bool) -> int:
    """Replay all runs of an experiment, or one; 1 if a loss differs.

    Raises:
        SettingError: no such experiment or run, or its device or data are not here.
    """
    try:
        found = asyncio.run(_replay(load_settings(store=url).store, id, run))
    except StoreError as error:
        sys.stderr.write(f"lrd: {error}\n")
        return 1
    if as_json:
        sys.stdout.write(json.dumps(found) + "\n")
    else:
        _show(found)
    return 0 if found["equal"] else 1


async def _replay(url: str, id: str, run: str | None) -> dict[str, Any]:
    store = Store(url)
    try:
        experiment = await store.experiment(id)
        if experiment is None:
            allowed = "the id of an experiment in the store; `lrd list` shows them"
            raise SettingError("experiment", id, allowed)
        spec = await beginning(store, experiment)
        check_device(spec.device)
        known = await record(store, experiment, spec)
        runs = [one.spec.id for one in known.runs]
        if run is not None and run not in runs:
            raise SettingError("run", run, "one of " + ", ".join(runs))
        torch.set_num_threads(spec.threads)
        without_compiler()
        chosen = runs if run is None else [run]
        rows = [await _compared(store, id, spec, known, one) for one in chosen]
    finally:
        store.close()
    return {
        "experiment": id,
        "problem": experiment.problem,
        "device": spec.device,
        "threads": spec.threads,
        "runs": rows,
        "equal": all(row["equal"] for row in rows),
    }


async def _compared(
    store: Store, id: str, spec: ExperimentSpec, known: Resume, run: str
) -> dict[str, Any]:
    parts = [asdict(part) for part in again(spec, known, run)]
    words = compared(parts, await recorded_of(store, id, parts)) if parts else EQUAL
    steps = sum(len(part["losses"]) for part in parts)
    return {
        "run": run,
        "steps": steps,
        "equal": words == EQUAL,
        "difference": "" if words == EQUAL else words,
    }


def _show(found: dict[str, Any]) -> None:
    threads = f"{found['threads']} thread" + ("s" if found["threads"] > 1 else "")
    table = Table(title=f"replay of {found['experiment']}: {found['problem']}")
    for name in ("run", "steps", "losses"):
        table.add_column(name, justify="right" if name == "steps" else "left")
    for row in found["runs"]:
        table.add_row(row["run"], str(row["steps"]), row["difference"] or "equal to the bit")
    Console().print(table)
    if not found["equal"]:
        where = f"it trained on {found['device']} with {threads}"
        sys.stdout.write(
            f"{where}; another machine, another version of torch or other code may differ\n"
        )
