"""The store: migrations, group commit, frames by sequence number."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import insert, make_url, select, text
from sqlalchemy.exc import IntegrityError

from backend.protocol import Experiment, Queued
from backend.store import SequenceGapError, Store, StoreError, tables
from backend.store.database import FolderLock, open_database
from backend.store.frames import Packed, pack
from backend.store.records import moment
from backend.store.tables import metadata
from lrd_core.engine.frames import ColumnBuffer, Frame, decode, encode, rows


def experiment(id: str = "e1", **changes: Any) -> Experiment:
    run = {
        "id": "r1",
        "slot": 0,
        "label": "",
        "optimizer": "adam",
        "settings": {"lr": 0.1, "amount": 1, "nesterov": True},
        "drop_rate": 0.5,
        "policy": "elementwise",
        "policy_settings": {"rest": 0.2, "many": 3},
        "rescale": False,
        "mask_seed": 2**53 - 1,
        "state": "running",
        "step": 0,
        "diverged_step": None,
        "message": "",
    }
    values = {
        "id": id,
        "name": "a name",
        "created_at": moment(time.time()),
        "problem": "beale",
        "kind": "surface",
        "settings": {"start_x": 1.0},
        "seed": 2**53 - 1,
        "steps": 900,
        "speed": 60.0,
        "shared_masks": True,
        "test_every": 10,
        "node": "box",
        "notes": "a\nb",
        "tags": ["one", "and two"],
        "state": "running",
        "message": "",
        "step": 0,
        "runs": [run, run | {"id": "r2"}, run | {"id": "r10"}],
        "tensors": [{"name": "xy", "shape": [2]}],
        "replaces": None,
        "replaced_by": None,
        "connected": False,
    }
    return Experiment.model_validate(values | changes)


def frame(seq: int, first: int, count: int = 3) -> Packed:
    buffer = ColumnBuffer()
    for step in range(first, first + count):
        buffer.add("r1", step, {"loss": step / 7, "lr": 0.1})
    made = Frame(1, seq, buffer.take().blocks())
    return pack(made, encode(made))


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    opened = Store(store_url)
    yield opened
    opened.close()


def test_migrations_from_empty_make_the_tables_of_the_code(store_url: str) -> None:
    for _ in range(2):
        engine = open_database(store_url)
        with engine.connect() as connection:
            assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        engine.dispose()


def test_sqlite_survives_the_death_of_the_process(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'lrd.sqlite3'}")
    with engine.connect() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(text("PRAGMA synchronous")).scalar() == 1
        assert connection.execute(text("PRAGMA foreign_keys")).scalar() == 1
    engine.dispose()


def test_a_store_of_a_newer_version_is_refused_with_its_name(store_url: str) -> None:
    engine = open_database(store_url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    name = re.escape(str(make_url(store_url).database))
    with pytest.raises(StoreError, match=f"{name}.*use the version that wrote it"):
        open_database(store_url)


def test_one_server_a_folder(tmp_path: Path) -> None:
    lock = FolderLock(tmp_path)
    with pytest.raises(StoreError, match="in use by another server"):
        FolderLock(tmp_path)
    lock.release()
    FolderLock(tmp_path).release()


async def test_the_index_of_checkpoints_is_replaced_run_by_run(store: Store) -> None:
    for id in ("e1", "e2"):
        await store.create(experiment(id), {})
        await store.put_checkpoints(id, "r1", [(20, 1000, False), (10, 900, True)])
    await store.put_checkpoints("e1", "r2", [(2**40, 2**33, False)])
    await store.put_checkpoints("e1", "r1", [(20, 1000, False), (40, 1000, False)])
    assert await store.checkpoints("e1") == {
        "r1": [(20, 1000, False), (40, 1000, False)],
        "r2": [(2**40, 2**33, False)],
    }
    await store.put_checkpoints("e1", "r2", [])
    assert list(await store.checkpoints("e1")) == ["r1"]
    assert (await store.checkpoints("e2"))["r1"] == [(10, 900, True), (20, 1000, False)]
    assert await store.checkpoints("nobody") == {}


async def test_an_experiment_comes_back_as_it_was(store: Store) -> None:
    made = experiment()
    await store.create(made, {"spec": [1, 2]})
    found = await store.experiment("e1")
    assert found == made
    assert found is not None
    kinds = [type(value) for value in found.runs[0].settings.values()]
    assert kinds == [float, int, bool]
    assert await store.spec("e1") == {"spec": [1, 2]}
    assert await store.experiment("nope") is None
    changed = made.model_copy(update={"state": "failed", "message": "why", "runs": made.runs[:1]})
    await store.save(changed)
    assert await store.experiment("e1") == changed


async def test_the_newest_come_first(store: Store) -> None:
    for second, id in enumerate(("a", "b", "c")):
        state = "cancelled" if id == "c" else "running"
        await store.create(experiment(id, created_at=moment(1000 + second), state=state), {})
    assert [summary.id for summary in await store.experiments(2)] == ["c", "b"]
    assert await store.newest_active("surface") == "b"
    assert await store.newest_active("task") is None
    assert sorted(await store.active()) == ["a", "b"]


async def test_a_summary_names_runs_by_label_or_by_optimizer_policy_and_drop_rate(
    store: Store,
) -> None:
    run = experiment().runs[0]
    lr = run.settings["lr"]
    assert isinstance(lr, float)
    runs = [
        run.model_copy(update={"id": "r1", "slot": 2, "drop_rate": 0.0}),
        run.model_copy(update={"id": "r2", "slot": 1, "drop_rate": 0.25}),
        run.model_copy(update={"id": "r3", "slot": 5, "label": "mine"}),
        run.model_copy(update={"id": "r4", "slot": 0, "state": "removed"}),
        run.model_copy(update={"id": "r5", "slot": 6, "policy": "per_row", "rescale": True}),
        run.model_copy(update={"id": "r6", "slot": 7, "policy": "per_row", "drop_rate": 0.0}),
        run.model_copy(update={"id": "r7", "slot": 8, "settings": {**run.settings, "lr": lr / 2}}),
    ]
    await store.create(experiment(runs=runs), {})
    [summary] = await store.experiments(10)
    made = ["adam 0.25", "adam", "mine", "adam per_row 0.5 rescaled", "adam"]
    assert summary.labels == [*made, "adam 0.5, lr ÷ 2"]
    assert summary.slots == [1, 2, 5, 6, 7, 8]
    assert summary.runs == 6


async def test_a_frame_twice_is_stored_once_and_a_gap_is_refused(store: Store) -> None:
    await store.create(experiment(), {})
    assert await store.append_frame("e1", frame(1, 1))
    assert not await store.append_frame("e1", frame(1, 1))
    with pytest.raises(SequenceGapError, match="send 2 first"):
        await store.append_frame("e1", frame(3, 7))
    assert await store.newest("e1") == 1
    assert await store.append_frame("e1", frame(2, 4))
    found = await store.experiment("e1")
    assert found is not None
    assert found.step == 6


async def test_what_fails_takes_no_neighbour_with_it(store: Store) -> None:
    await store.create(experiment(), {})
    writes = [store.append_frame("e1", frame(seq, 3 * seq - 2)) for seq in (1, 2, 9, 3, 8, 4)]
    results = await asyncio.gather(*writes, return_exceptions=True)
    stored = [result is True for result in results]
    assert stored == [True, True, False, True, False, True]
    assert await store.newest("e1") == 4


async def test_frames_of_an_unknown_experiment_are_refused(store: Store) -> None:
    with pytest.raises(Exception, match=r"(?i)foreign key"):
        await store.append_frame("nope", frame(1, 1))


async def test_a_statement_that_fails_takes_no_neighbour_with_it(store: Store) -> None:
    """PostgreSQL does nothing more in a transaction in which one has failed."""
    await store.create(experiment(), {})
    places = [("e1", 1), ("e1", 2), ("nope", 1), ("e1", 3), ("nope", 1), ("e1", 4)]
    writes = [store.append_frame(id, frame(seq, 3 * seq - 2)) for id, seq in places]
    results = await asyncio.gather(*writes, return_exceptions=True)
    assert [result is True for result in results] == [True, True, False, True, False, True]
    assert all(isinstance(one, IntegrityError) for one in results if one is not True)
    assert await store.newest("e1") == 4
    assert await store.newest("nope") == 0


async def test_a_name_that_no_database_could_hold_is_of_nothing(store: Store) -> None:
    assert await store.experiment("e\01") is None


async def test_history_is_merged_and_complete(store: Store) -> None:
    await store.create(experiment(), {})
    for seq in range(1, 41):
        await store.append_frame("e1", frame(seq, 3 * seq - 2))
    pieces = [piece async for piece in store.history("e1", 0)]
    assert [seq for seq, _ in pieces] == [40]
    merged = decode(pieces[0][1])
    assert merged.seq == 40
    assert len(merged.blocks) == 1
    assert [(step, values["loss"]) for _, step, values in rows(merged)] == [
        (step, step / 7) for step in range(1, 121)
    ]
    [(seq, data)] = [piece async for piece in store.history("e1", 38)]
    assert (seq, [step for _, step, _ in rows(decode(data))]) == (40, list(range(115, 121)))
    assert [piece async for piece in store.history("e1", 40)] == []


async def test_a_long_history_comes_in_pieces(store: Store) -> None:
    await store.create(experiment(), {})
    rows_a_frame = 20_000
    for seq in range(1, 13):
        await store.append_frame("e1", frame(seq, (seq - 1) * rows_a_frame + 1, rows_a_frame))
    pieces = [piece async for piece in store.history("e1", 0)]
    assert len(pieces) > 1
    assert [seq for seq, _ in pieces] == [decode(data).seq for _, data in pieces]
    assert pieces[-1][0] == 12
    assert all(len(data) < 1_500_000 for _, data in pieces)
    assert sum(decode(data).blocks[0].rows for _, data in pieces) == 12 * rows_a_frame


async def test_series_are_cut_by_step_and_column(store: Store) -> None:
    await store.create(experiment(), {})
    for seq in range(1, 5):
        await store.append_frame("e1", frame(seq, 3 * seq - 2))
    found = await store.series("e1", "r1", {"loss"}, 5, 8)
    assert found.steps == {"loss": [5, 6, 7, 8]}
    assert found.values == {"loss": [step / 7 for step in (5, 6, 7, 8)]}
    everything = await store.series("e1", "r1", None, 1, None)
    assert everything.steps["lr"] == list(range(1, 13))
    assert (await store.series("e1", "r2", None, 1, None)).steps == {}


async def test_a_control_and_its_effect_are_stored_together_and_once(store: Store) -> None:
    made = experiment()
    await store.create(made, {})
    row = {
        "id": "c1",
        "kind": "set",
        "run": "r1",
        "setting": "lr",
        "value": 0.2,
        "spec": None,
        "step": 7,
        "received_step": 6,
        "changes": [{"run": "r1", "setting": "lr", "old": 0.1, "new": 0.2}],
        "at": 1_700_000_000.25,
        "who": "ann",
    }
    after = made.model_copy(update={"speed": 5.0})
    assert await store.add_control(after, row)
    assert not await store.add_control(made, row)
    found = await store.experiment("e1")
    assert found is not None
    assert found.speed == 5.0
    [control] = await store.controls("e1")
    assert (control.step, control.received_step, control.who) == (7, 6, "ann")
    assert control.at.isoformat() == "2023-11-14T22:13:20.250000+00:00"
    assert control.changes[0].new == 0.2


async def test_the_last_step_of_every_run_is_found_from_the_end(store: Store) -> None:
    await store.create(experiment(), {})
    for seq, rows_of in enumerate(
        [{"r1": 3, "r2": 3}, {"r1": 4}, {"r2": 9, "r1": 5}, {"r2": 10}], 1
    ):
        buffer = ColumnBuffer()
        for run, step in rows_of.items():
            buffer.add(run, step, {"loss": 1.0})
        made = Frame(1, seq, buffer.take().blocks())
        await store.append_frame("e1", pack(made, encode(made)))
    assert await store.last_steps("e1", ["r1", "r2", "r3"]) == {"r1": 5, "r2": 10}
    assert await store.last_steps("e1", ["r2"]) == {"r2": 10}
    assert await store.last_steps("nope", ["r1"]) == {}


async def test_those_that_wait_come_in_their_order(store: Store) -> None:
    for id, at in (("a", 3.0), ("b", 1.0), ("c", 2.0)):
        queue = {"at": at, "paused": id == "b", "who": "ann"}
        await store.create(experiment(id, state="queued", queue=queue), {})
    await store.create(experiment("d"), {})
    assert await store.queued() == ["b", "c", "a"]
    assert await store.active() == ["d"]
    found = await store.experiment("b")
    assert found is not None
    assert found.queue == Queued(at=1.0, paused=True, who="ann")
    await store.save(found.model_copy(update={"state": "running", "queue": None}))
    assert await store.queued() == ["c", "a"]
    assert (await store.experiment("b")).queue is None  # type: ignore[union-attr]


def test_rows_go_with_their_experiment(store_url: str) -> None:
    engine = open_database(store_url)
    values = experiment().model_dump(exclude={"runs", "connected", "tags"})
    with engine.begin() as connection:
        connection.execute(
            insert(tables.experiments).values(**values | {"created_at": 1.0, "spec": {}})
        )
        connection.execute(
            insert(tables.frames).values(
                experiment_id="e1", seq=1, first_step=1, last_step=1, bytes=b""
            )
        )
        connection.execute(tables.experiments.delete())
        assert connection.execute(select(tables.frames)).all() == []
    engine.dispose()
