"""`lrd data`: the data sets, which are on this machine, and downloading one."""

from __future__ import annotations

import json
import sys
from typing import Literal

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table

from lrd_core import data as data_sets
from lrd_core.settings import SettingError


def data(words: list[str], as_json: bool) -> int:
    """List the data sets, or download those named after ``get``; 1 if one could not be had.

    Raises:
        SettingError: other words, or an unknown data set.
    """
    if not words:
        _list(as_json)
        return 0
    action, *names = words
    if action != "get" or not names:
        raise SettingError("data", " ".join(words), "`lrd data`, or `lrd data get NAME`")
    for name in names:
        data_sets.get_data_set(name)
    try:
        for name in names:
            _get(name, quiet=as_json)
    except (data_sets.DownloadError, data_sets.BadDataError) as error:
        sys.stderr.write(f"lrd: {error}\n")
        return 1
    rows = [_row(name) for name in names]
    if as_json:
        sys.stdout.write(json.dumps({"data_sets": rows}) + "\n")
    else:
        for row in rows:
            sys.stdout.write(f"{row['label']} is in {row['where']}\n")
    return 0


def _row(name: str) -> dict[str, str | int]:
    one, state = data_sets.DATASETS[name], data_sets.state(name)
    return {
        "name": name,
        "label": one.label,
        "about": one.about,
        "bytes": one.size,
        "licence": one.licence,
        "state": state.state,
        "where": state.where,
    }


def _list(as_json: bool) -> None:
    rows = [_row(name) for name in data_sets.DATASETS]
    if as_json:
        sys.stdout.write(json.dumps({"data_sets": rows}) + "\n")
        return
    table = Table()
    for name in ("data set", "download", "licence", "state", "where"):
        justify: Literal["left", "right"] = "right" if name == "download" else "left"
        table.add_column(name, justify=justify, overflow="fold")
    for row in rows:
        size = data_sets.in_words(int(row["bytes"]))
        where = str(row["where"]) if row["state"] == "present" else ""
        cells = (row["name"], size, row["licence"], row["state"], where)
        table.add_row(*map(str, cells))
    Console().print(table)


def _get(name: str, quiet: bool) -> None:
    if data_sets.state(name).state == "missing":
        data_sets.check_online(name)
    label = data_sets.DATASETS[name].label
    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(
        TextColumn("{task.description}"), *columns, console=console, disable=quiet
    ) as shown:
        bar = shown.add_task(label, total=None)
        data_sets.download(name, lambda done, total: shown.update(bar, completed=done, total=total))
