"""A store of every version that there ever was: its rows are read, and go on to chunks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import URL, MetaData, create_engine, make_url

from backend.store import Store
from backend.store.database import MIGRATIONS, check_database
from lrd_core.engine.frames import decode, rows
from tests.backend.store.test_store import experiment, frame


def script() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    return config


REVISIONS = [one.revision for one in ScriptDirectory.from_config(script()).walk_revisions()]

#: Rows with the columns that the first version had.
EXPERIMENT = {
    "id": "e1",
    "name": "a name",
    "created_at": 1.7e9,
    "problem": "digits",
    "kind": "task",
    "settings": {"batch": 64},
    "seed": 2**53 - 1,
    "steps": 900,
    "speed": 60.0,
    "shared_masks": True,
    "test_every": 10,
    "state": "finished",
    "message": "why",
    "step": 12,
    "tensors": [{"name": "w", "shape": [2, 3]}],
    "spec": {"runs": []},
}
RUN = {
    "experiment_id": "e1",
    "id": "r1",
    "slot": 1,
    "label": "mine",
    "optimizer": "adam",
    "settings": {"lr": 0.1},
    "drop_rate": 0.5,
    "policy": "elementwise",
    "rescale": True,
    "mask_seed": 7,
    "state": "finished",
    "step": 12,
    "message": "",
}
CONTROL = {
    "experiment_id": "e1",
    "id": "c1",
    "kind": "set",
    "run": "r1",
    "setting": "lr",
    "value": 0.1,
    "step": 3,
    "received_step": 2,
    "changes": [{"run": "r1", "setting": "lr", "old": 0.2, "new": 0.1}],
    "at": 1.7e9,
    "who": "ann",
}


def driven(url: str) -> URL:
    """`url` with the driver that the store uses."""
    parsed = make_url(url)
    postgres = parsed.get_backend_name() == "postgresql"
    return parsed.set(drivername="postgresql+psycopg") if postgres else parsed


def migrate(url: str, revision: str, way: Callable[[Config, str], None]) -> None:
    """Bring the database to what the version of `revision` had."""
    config = script()
    engine = create_engine(driven(url))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        way(config, revision)
    engine.dispose()


def write_old(url: str) -> None:
    """An experiment with a run, a control and four frames, in tables as they are now."""
    tables = MetaData()
    engine = create_engine(driven(url))
    with engine.begin() as connection:
        tables.reflect(connection)

        def add(table: str, values: dict[str, Any]) -> None:
            connection.execute(tables.tables[table].insert().values(values))

        add("experiments", EXPERIMENT)
        add("runs", RUN)
        add("controls", CONTROL)
        for seq in range(1, 5):
            packed = frame(seq, 3 * seq - 2)
            steps = {"first_step": packed.first_step, "last_step": packed.last_step}
            add("frames", {"experiment_id": "e1", "seq": seq, **steps, "bytes": packed.data})
    engine.dispose()


@pytest.mark.parametrize("revision", REVISIONS)
async def test_rows_of_every_version_are_read_and_compacted(store_url: str, revision: str) -> None:
    check_database(store_url)  # makes an SQLite file's folder
    migrate(store_url, revision, command.upgrade)
    write_old(store_url)
    store = Store(store_url)
    for compacted in (False, True):
        if compacted:
            await store.compact("e1", whole=True)
        found = await store.experiment("e1")
        assert found is not None
        assert (found.name, found.seed, found.state) == ("a name", 2**53 - 1, "finished")
        assert (found.settings, found.tensors[0].shape) == ({"batch": 64}, [2, 3])
        [run] = found.runs
        assert (run.label, run.settings, run.rescale) == ("mine", {"lr": 0.1}, True)
        assert (run.schedule, run.parent, run.policy_settings) == ("constant", "", {})
        [control] = await store.controls("e1")
        assert (control.who, control.changes[0].step, control.changes[0].new) == ("ann", 3, 0.1)
        series = await store.series("e1", "r1", None, 1, None)
        assert series.steps["loss"] == list(range(1, 13))
        assert series.values["loss"] == [step / 7 for step in range(1, 13)]
        [(seq, data)] = [piece async for piece in store.history("e1", 1)]
        assert (seq, [step for _, step, _ in rows(decode(data))]) == (4, list(range(4, 13)))
        assert await store.newest("e1") == 4
        assert store.verify().bad == []
    assert await store.append_frame("e1", frame(5, 13))
    store.close()


async def test_chunks_are_not_taken_from_a_version_that_cannot_read_them(store_url: str) -> None:
    store = Store(store_url)
    await store.create(experiment(), {"runs": []})
    await store.append_frame("e1", frame(1, 1))
    await store.compact("e1")
    store.close()
    with pytest.raises(RuntimeError, match="no earlier version can read"):
        migrate(store_url, "0005", command.downgrade)
    store = Store(store_url)
    assert (await store.series("e1", "r1", None, 1, None)).steps["loss"] == [1, 2, 3]
    store.close()
