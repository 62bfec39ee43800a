"""The store: values a second, bytes a value, reading at every zoom, lists; beside plain rows in
SQLite and, where it is installed, TensorBoard's event files on the same values."""

from __future__ import annotations

import asyncio
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from backend.api.experiments import listed
from backend.api.series_formats import JSON, WRITERS
from backend.bench.store_data import Trained, experiment, frames_of, long_series, trained
from backend.bench.store_peers import Events, Named, Rows, folder_bytes
from backend.store import Store
from backend.store.records import Filter

STEPS = 16_384
LONG, SHORT = 10_000_000, 10_000
WIDTH = 2000
#: Steps that are looked at, somewhere in the series; 63,000 is the most that comes of rows.
SPANS = (10_000, 63_000, 66_000, 100_000, 300_000, 1_000_000, 3_000_000)
READS = 40
ROUNDS = 3
EXPERIMENTS = 1250
LIST_ROUNDS = 9
#: Values that the peers are given to write; they are slower.
PEER_VALUES = 500_000


def measure(short: bool = False) -> dict[str, Any]:
    """Figures of writing, reading and listing, with those of the peers on the same values.

    values_per_s: values of real frames (five experiments at once) until all are committed and in
        compressed chunks; median of rounds. `values_per_s_fsync`: the same with every commit
        waiting for the disk, which the product does not ask for.
    bytes_per_value: of the losses (float32) of all tasks, chunks and pyramid.
        `bytes_per_value_all`: the whole database over the values of all columns.
    read_ms: 2,000 pixels of the whole long series; `read_ms_json` with making JSON of them.
        `read_growth`: the dearest zoom over a series of 10,000 steps; `read_speedup`: time of a
        GROUP BY over plain rows in SQLite over `read_ms`.
    list_ms: the slowest of four lists of 5,000 runs with filters, JSON included.
    """
    curves = trained(STEPS // 4 if short else STEPS)
    rows = LONG // 10 if short else LONG
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        result = _writing(folder, curves, 1 if short else ROUNDS)
        result |= _peers_writing(folder, curves)
        result |= _reading(folder, curves, rows)
        result |= asyncio.run(_listing(folder))
    compared = [Rows.name] + ([Events.name] if Events.installed() else [])
    return result | {"long_steps": rows, "compared": "; ".join(compared)}


# --- writing --------------------------------------------------------------------------------------


def _writing(folder: Path, curves: Sequence[Trained], rounds: int) -> dict[str, float]:
    values = sum(one.values for one in curves)
    seconds: dict[bool, list[float]] = {False: [], True: []}
    for number in range(rounds):
        for fsync in seconds:
            path = folder / f"written{number}{fsync}.sqlite3"
            seconds[fsync].append(asyncio.run(_ingest(path, curves, fsync)))
    path = folder / "written0False.sqlite3"
    with closing(sqlite3.connect(path)) as database:
        losses, size = database.execute(
            "SELECT sum(CASE WHEN level = 0 THEN rows END), sum(length(bytes)) FROM chunks"
            " JOIN series ON series.id = series_id WHERE name = 'loss'"
        ).fetchone()
        database.execute("VACUUM")
    return {
        "values_per_s": round(values / statistics.median(seconds[False])),
        "values_per_s_fsync": round(values / statistics.median(seconds[True])),
        "bytes_per_value": round(size / losses, 3),
        "bytes_per_value_all": round(path.stat().st_size / values, 3),
        "values": values,
    }


async def _ingest(path: Path, curves: Sequence[Trained], fsync: bool) -> float:
    store = Store(f"sqlite:///{path}")
    if fsync:
        _fsync(store)
    for one in curves:
        await store.create(experiment(one.task, state="running"), {})

    async def job(one: Trained) -> None:
        for packed in one.frames:
            await store.append_frame(one.task, packed)
        await store.save(experiment(one.task))

    async with store.compacting():
        began = time.perf_counter()
        await asyncio.gather(*(job(one) for one in curves))
        for one in curves:
            await store.compact(one.task, whole=True)
        seconds = time.perf_counter() - began
    store.close()
    return seconds


def _fsync(store: Store) -> None:
    """Every commit waits until the disk has it."""
    from sqlalchemy import event

    store._engine.dispose()
    event.listen(
        store._engine,
        "connect",
        lambda connection, _: connection.execute("PRAGMA synchronous=FULL").close(),
    )


def _peers_writing(folder: Path, curves: Sequence[Trained]) -> dict[str, float]:
    columns: list[Named] = []
    values = 0
    for one in curves:
        for (run, name), (steps, column) in one.columns().items():
            if values < PEER_VALUES:
                columns.append((f"{one.task}/{run}/{name}", steps, column))
                values += len(steps)
    result: dict[str, float] = {}
    peers: dict[str, type[Rows] | type[Events]] = {"rows": Rows}
    if Events.installed():
        peers["tensorboard"] = Events
    for label, kind in peers.items():
        place = folder / label
        peer = kind(place)
        began = time.perf_counter()
        peer.write(columns)
        seconds = time.perf_counter() - began
        result[f"{label}_values_per_s"] = round(values / seconds)
        result[f"{label}_bytes_per_value"] = round(folder_bytes(place) / values, 3)
    return result


# --- reading --------------------------------------------------------------------------------------


def _reading(folder: Path, curves: Sequence[Trained], rows: int) -> dict[str, float]:
    losses = [one.columns()[run, "loss"][1] for one in curves for run in ("r1", "r2", "r3", "r4")]
    values = long_series(losses, rows)
    result = asyncio.run(_ours(folder / "long.sqlite3", values))
    plain = Rows(folder / "long")
    plain.write([("loss", np.arange(1, rows + 1), values)])
    began = time.perf_counter()
    plain.buckets(1, rows, WIDTH)
    by_rows = 1000 * (time.perf_counter() - began)
    return result | {
        "rows_read_ms": round(by_rows, 1),
        "read_speedup": round(by_rows / result["read_ms"], 1),
    }


async def _ours(path: Path, values: Any) -> dict[str, float]:
    store = Store(f"sqlite:///{path}")
    for id, part in (("long", values), ("short", values[:SHORT])):
        await store.create(experiment(id), {})
        for packed in frames_of(part):
            await store.append_frame(id, packed)
            if packed.seq % 50 == 0:
                await store.compact(id)
        await store.compact(id, whole=True)
    rng = np.random.default_rng(0)
    spans = [span for span in SPANS if span < len(values)] + [len(values)]
    times: dict[str, list[float]] = {"short": [], "json": [], **{str(span): [] for span in spans}}
    for _ in range(READS):
        times["short"].append(await _read(store, "short", 1, SHORT))
        for span in spans:
            first = int(rng.integers(1, len(values) - span + 2))
            times[str(span)].append(await _read(store, "long", first, first + span - 1))
        times["json"].append(await _read(store, "long", 1, len(values), json=True))
    store.close()
    ms = {name: 1000 * statistics.median(found) for name, found in times.items()}
    dearest = max(ms[str(span)] for span in spans)
    return {f"read_{span}_ms": round(ms[str(span)], 3) for span in spans} | {
        "read_ms": round(ms[str(len(values))], 3),
        "read_ms_json": round(ms["json"], 3),
        "read_short_ms": round(ms["short"], 3),
        "read_growth": round(dearest / ms["short"], 2),
    }


async def _read(store: Store, id: str, first: int, last: int, json: bool = False) -> float:
    began = time.perf_counter()
    found = await store.read(id, "r1", {"loss"}, first, last, WIDTH)
    if json:
        WRITERS[JSON]("r1", found, True)
    return time.perf_counter() - began


# --- lists ----------------------------------------------------------------------------------------


async def _listing(folder: Path) -> dict[str, float]:
    store = Store(f"sqlite:///{folder / 'lists.sqlite3'}")
    for start in range(0, EXPERIMENTS, 50):
        numbers = range(start, start + 50)
        await asyncio.gather(*(store.create(experiment(f"e{n}", n), {}) for n in numbers))
    filters = [
        Filter(),
        Filter(problem="digits"),
        Filter(optimizer="adam", state="finished"),
        Filter(text="sweep 7"),
    ]
    ms = []
    for given in filters:
        times = []
        for _ in range(LIST_ROUNDS):
            began = time.perf_counter()
            listed(await store.experiments(EXPERIMENTS, given))
            times.append(time.perf_counter() - began)
        ms.append(1000 * statistics.median(times))
    store.close()
    return {"list_ms": round(max(ms), 1), "listed_runs": 4 * EXPERIMENTS}
