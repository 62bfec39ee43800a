"""`lrd list`: the experiments in the store, whether a server runs or not."""

from __future__ import annotations

import asyncio
import json
import sys

from rich.console import Console
from rich.table import Table

from backend.protocol import ExperimentSummary
from backend.settings import load_settings
from backend.store import Store, StoreError


def listing(limit: int, as_json: bool) -> int:
    """Print the newest `limit` experiments, newest first."""
    try:
        found = asyncio.run(_newest(load_settings().store, limit))
    except StoreError as error:
        sys.stderr.write(f"lrd: {error}\n")
        return 1
    if as_json:
        rows = [summary.model_dump(mode="json") for summary in found]
        sys.stdout.write(json.dumps({"experiments": rows}) + "\n")
    elif not found:
        sys.stdout.write("no experiments yet; start one with `lrd serve`\n")
    else:
        _show(found)
    return 0


async def _newest(url: str, limit: int) -> list[ExperimentSummary]:
    store = Store(url)
    try:
        return await store.experiments(limit)
    finally:
        store.close()


def _show(found: list[ExperimentSummary]) -> None:
    table = Table()
    for name in ("experiment", "problem", "runs", "state", "step", "seed", "started (UTC)"):
        table.add_column(name, justify="right" if name in ("runs", "step", "seed") else "left")
    for one in found:
        steps = f"{one.step} of {one.steps}"
        started = f"{one.created_at:%Y-%m-%d %H:%M}"
        row = (one.id, one.problem, str(one.runs), one.state, steps, str(one.seed), started)
        table.add_row(*row)
    Console().print(table)
