"""A store that an earlier version wrote is brought up to date with all that is in it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from backend.store import Store
from backend.store.database import MIGRATIONS
from lrd_core.engine.frames import decode, rows
from tests.backend.store.test_store import experiment, frame


def script() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    return config


#: Every version of the schema that there ever was.
REVISIONS = [one.revision for one in ScriptDirectory.from_config(script()).walk_revisions()]


def downgrade(path: Path, revision: str) -> None:
    """Make the database what the version of `revision` would have left."""
    migrate(path, revision, command.downgrade)


def migrate(path: Path, revision: str, way: Callable[[Config, str], None]) -> None:
    config = script()
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        way(config, revision)
    engine.dispose()


async def written(path: Path, *states: str) -> None:
    store = Store(f"sqlite:///{path}")
    for state in states:
        await store.create(experiment(state, state=state), {"runs": []})
    store.close()


async def test_from_the_first_version_runs_get_settings_of_their_policy(tmp_path: Path) -> None:
    path = tmp_path / "lrd.sqlite3"
    await written(path, "running")
    downgrade(path, "0001")
    with sqlite3.connect(path) as connection:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(runs)")]
    assert "policy_settings" not in columns
    store = Store(f"sqlite:///{path}")
    found = await store.experiment("running")
    assert found is not None
    assert [run.policy_settings for run in found.runs] == [{}, {}, {}]
    assert found.runs[0].settings == experiment().runs[0].settings
    changed = found.model_copy(update={"runs": experiment().runs})
    await store.save(changed)
    assert await store.experiment("running") == changed
    store.close()


async def test_from_0002_stopped_is_cancelled_and_old_rows_stay(tmp_path: Path) -> None:
    path = tmp_path / "lrd.sqlite3"
    await written(path, "cancelled", "finished", "failed")
    downgrade(path, "0002")
    with sqlite3.connect(path) as connection:
        states = {row[0] for row in connection.execute("SELECT state FROM experiments")}
        columns = {row[1] for row in connection.execute("PRAGMA table_info(experiments)")}
        columns |= {row[1] for row in connection.execute("PRAGMA table_info(runs)")}
    assert states == {"stopped", "finished", "failed"}
    assert not columns & {"queue", "device", "seeds", "limits", "parent", "mask_slot"}

    store = Store(f"sqlite:///{path}")
    summaries = await store.experiments(10)
    assert {one.id: one.state for one in summaries} == {
        name: name for name in ("cancelled", "finished", "failed")
    }
    found = await store.experiment("cancelled")
    store.close()
    assert found is not None
    assert (found.device, found.threads, found.seeds, found.queue) == ("cpu", 1, 1, None)
    assert (found.limits.seconds, found.limits.memory_mb) == (None, None)
    told = {(run.parent, run.fork_step, run.mask_slot, run.replay) for run in found.runs}
    assert told == {("", 0, -1, "")}
    assert [run.settings for run in found.runs] == [run.settings for run in experiment().runs]


async def test_from_0004_runs_have_a_constant_learning_rate(tmp_path: Path) -> None:
    path = tmp_path / "lrd.sqlite3"
    await written(path, "running")
    downgrade(path, "0004")
    with sqlite3.connect(path) as connection:
        columns = {row[1] for row in connection.execute("PRAGMA table_info(runs)")}
    assert not columns & {"schedule", "schedule_settings"}
    store = Store(f"sqlite:///{path}")
    found = await store.experiment("running")
    assert found is not None
    assert {(run.schedule, len(run.schedule_settings)) for run in found.runs} == {("constant", 0)}
    update = {"schedule": "step", "schedule_settings": {"at": "3,5", "factor": 0.5}}
    stepped = [run.model_copy(update=update) for run in found.runs]
    await store.save(found.model_copy(update={"runs": stepped}))
    again = await store.experiment("running")
    store.close()
    assert again is not None
    assert again.runs == stepped


#: A row of each table as the first version wrote it.
OLD_EXPERIMENT = {
    "id": "e1",
    "name": "a name",
    "created_at": 1.7e9,
    "problem": "digits",
    "kind": "task",
    "settings": '{"batch": 64}',
    "seed": 2**53 - 1,
    "steps": 900,
    "speed": 60.0,
    "shared_masks": 1,
    "test_every": 10,
    "state": "finished",
    "message": "why",
    "step": 12,
    "tensors": '[{"name": "w", "shape": [2, 3]}]',
    "spec": '{"runs": []}',
}
OLD_RUN = {
    "experiment_id": "e1",
    "id": "r1",
    "slot": 1,
    "label": "mine",
    "optimizer": "adam",
    "settings": '{"lr": 0.1}',
    "drop_rate": 0.5,
    "policy": "elementwise",
    "rescale": 1,
    "mask_seed": 7,
    "state": "finished",
    "step": 12,
    "message": "",
}
OLD_CONTROL = {
    "experiment_id": "e1",
    "id": "c1",
    "kind": "set",
    "run": "r1",
    "setting": "lr",
    "value": "0.1",
    "step": 3,
    "received_step": 2,
    "changes": '[{"run": "r1", "setting": "lr", "old": 0.2, "new": 0.1}]',
    "at": 1.7e9,
    "who": "ann",
}


def write_old(path: Path) -> None:
    """What every version could write: an experiment with a run, a control and four frames."""
    old = [("experiments", OLD_EXPERIMENT), ("runs", OLD_RUN), ("controls", OLD_CONTROL)]
    for seq in range(1, 5):
        packed = frame(seq, 3 * seq - 2)
        steps = {"first_step": packed.first_step, "last_step": packed.last_step}
        old.append(("frames", {"experiment_id": "e1", "seq": seq, **steps, "bytes": packed.data}))
    with closing(sqlite3.connect(path)) as database, database:
        for table, values in old:
            marks = ", ".join("?" * len(values))
            database.execute(
                f"INSERT INTO {table} ({', '.join(values)}) VALUES ({marks})",
                list(values.values()),
            )


@pytest.mark.parametrize("revision", REVISIONS)
async def test_rows_of_every_version_are_read_and_compacted(tmp_path: Path, revision: str) -> None:
    path = tmp_path / "lrd.sqlite3"
    migrate(path, revision, command.upgrade)
    write_old(path)
    store = Store(f"sqlite:///{path}")
    for compacted in (False, True):
        if compacted:
            await store.compact("e1", whole=True)
        found = await store.experiment("e1")
        assert found is not None
        assert (found.name, found.seed, found.state) == ("a name", 2**53 - 1, "finished")
        assert (found.settings, found.tensors[0].shape) == ({"batch": 64}, [2, 3])
        [run] = found.runs
        assert (run.label, run.settings, run.rescale, run.schedule) == (
            "mine",
            {"lr": 0.1},
            True,
            "constant",
        )
        [control] = await store.controls("e1")
        assert (control.who, control.changes[0].step, control.changes[0].new) == ("ann", 3, 0.1)
        rows_of = await store.series("e1", "r1", None, 1, None)
        assert rows_of.steps["loss"] == list(range(1, 13))
        assert rows_of.values["loss"] == [step / 7 for step in range(1, 13)]
        [(seq, data)] = [piece async for piece in store.history("e1", 1)]
        assert (seq, [step for _, step, _ in rows(decode(data))]) == (4, list(range(4, 13)))
        assert await store.newest("e1") == 4
        assert store.verify().bad == []
    assert await store.append_frame("e1", frame(5, 13))
    store.close()


async def test_chunks_are_not_taken_from_a_version_that_cannot_read_them(tmp_path: Path) -> None:
    path = tmp_path / "lrd.sqlite3"
    store = Store(f"sqlite:///{path}")
    await store.create(experiment(), {"runs": []})
    await store.append_frame("e1", frame(1, 1))
    await store.compact("e1")
    store.close()
    with pytest.raises(RuntimeError, match="no earlier version can read"):
        downgrade(path, "0005")
    store = Store(f"sqlite:///{path}")
    assert (await store.series("e1", "r1", None, 1, None)).steps["loss"] == [1, 2, 3]
    store.close()
