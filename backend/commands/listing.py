"""`lrd list`: the experiments in the store, whether a server runs or not."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import get_args

from rich.console import Console
from rich.table import Table

from backend.protocol import ExperimentSummary
from backend.settings import load_settings
from backend.store import Store, StoreError
from backend.store.records import Filter
from lrd_core.engine.controls import State
from lrd_core.settings import SettingError


def listing(
    limit: int,
    problem: str | None,
    state: str | None,
    optimizer: str | None,
    text: str | None,
    as_json: bool,
) -> int:
    """Print the newest `limit` experiments that fit all that is given, newest first.

    Raises:
        SettingError: a state that there is not.
    """
    if state is not None and state not in get_args(State):
        raise SettingError("state", state, "one of " + ", ".join(get_args(State)))
    chosen = Filter(problem, state, optimizer, text)
    try:
        found = asyncio.run(_newest(load_settings().store, limit, chosen))
    except StoreError as error:
        sys.stderr.write(f"lrd: {error}\n")
        return 1
    if as_json:
        rows = [summary.model_dump(mode="json") for summary in found]
        sys.stdout.write(json.dumps({"experiments": rows}) + "\n")
    elif not found and chosen != Filter():
        sys.stdout.write("no experiment fits\n")
    elif not found:
        sys.stdout.write("no experiments yet; start one with `lrd serve`\n")
    else:
        _show(found)
    return 0


async def _newest(url: str, limit: int, chosen: Filter) -> list[ExperimentSummary]:
    store = Store(url)
    try:
        return await store.experiments(limit, chosen)
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
