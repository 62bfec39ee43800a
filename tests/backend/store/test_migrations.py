"""A store that an earlier version wrote is brought up to date with all that is in it."""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from sqlalchemy import inspect, text

from backend.store import Store
from backend.store.database import MIGRATIONS, connect_database
from backend.store.sweeps import StoredSweep
from tests.backend.store.test_store import experiment


def downgrade(url: str, revision: str) -> None:
    """Make the database what the version of `revision` would have left."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    engine = connect_database(url)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, revision)
    engine.dispose()


def columns(url: str, *tables: str) -> set[str]:
    """Names of the columns of these tables, as the database has them now."""
    engine = connect_database(url)
    names = {one["name"] for table in tables for one in inspect(engine).get_columns(table)}
    engine.dispose()
    return names


async def written(url: str, *states: str) -> None:
    store = Store(url)
    for state in states:
        await store.create(experiment(state, state=state), {"runs": []})
    store.close()


async def test_from_the_first_version_runs_get_settings_of_their_policy(store_url: str) -> None:
    await written(store_url, "running")
    downgrade(store_url, "0001")
    assert "policy_settings" not in columns(store_url, "runs")
    store = Store(store_url)
    found = await store.experiment("running")
    assert found is not None
    assert [run.policy_settings for run in found.runs] == [{}, {}, {}]
    assert found.runs[0].settings == experiment().runs[0].settings
    changed = found.model_copy(update={"runs": experiment().runs})
    await store.save(changed)
    assert await store.experiment("running") == changed
    store.close()


async def test_from_0002_stopped_is_cancelled_and_old_rows_stay(store_url: str) -> None:
    await written(store_url, "cancelled", "finished", "failed")
    downgrade(store_url, "0002")
    engine = connect_database(store_url)
    with engine.connect() as connection:
        states = set(connection.execute(text("SELECT state FROM experiments")).scalars())
    engine.dispose()
    assert states == {"stopped", "finished", "failed"}
    later = columns(store_url, "experiments", "runs")
    assert not later & {"queue", "device", "seeds", "limits", "parent", "mask_slot"}

    store = Store(store_url)
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


async def test_from_0004_runs_have_a_constant_learning_rate(store_url: str) -> None:
    await written(store_url, "running")
    downgrade(store_url, "0004")
    assert not columns(store_url, "runs") & {"schedule", "schedule_settings"}
    store = Store(store_url)
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


async def test_from_0010_experiments_are_of_no_sweep(store_url: str) -> None:
    await written(store_url, "running")
    downgrade(store_url, "0010")
    assert "sweep" not in columns(store_url, "experiments")
    store = Store(store_url)
    found = await store.experiment("running")
    assert found is not None
    assert found.sweep == ""
    assert await store.sweeps(10) == []
    made = StoredSweep("s1", "", 1.7e9, {"x": {"values": [0.5]}}, [["running"]])
    await store.create_sweep(made)
    assert await store.sweeps(10) == [made]
    await store.set_sweep_deleted("s1", 1.7e9)
    assert await store.sweeps(10) == []
    await store.purge(1.8e9)
    assert await store.sweep("s1") is None
    store.close()
