"""A store that an earlier version wrote is brought up to date with all that is in it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from backend.store import Store
from backend.store.database import MIGRATIONS
from tests.backend.store.test_store import experiment


def downgrade(path: Path, revision: str) -> None:
    """Make the database what the version of `revision` would have left."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, revision)
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
