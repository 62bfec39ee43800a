"""Opening a store: what cannot be opened is refused with the mend, its password unsaid."""

from __future__ import annotations

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.exc import OperationalError

from backend.commands.gc import gc
from backend.settings import load_settings
from backend.store import Store
from backend.store.database import check_database, open_database
from backend.store.ownership import Ownership, alone
from lrd_core.settings import SettingError
from tests.backend.store.test_store import experiment

SECRET = "open-sesame"


@pytest.mark.parametrize("url", ["mysql://ann:open-sesame@host/lab", "oracle://ann@host/lab"])
def test_other_databases_are_refused_with_those_that_are_allowed(url: str) -> None:
    with pytest.raises(SettingError, match=r"LRD_STORE.*SQLite or PostgreSQL") as refused:
        load_settings(store=url)
    assert SECRET not in str(refused.value)
    assert SECRET not in str(refused.value.value)


def test_a_database_that_does_not_answer_is_named_without_its_password(tmp_path: Path) -> None:
    url = f"postgresql://ann:{SECRET}@/lab?host={tmp_path}"
    with pytest.raises(SettingError, match=r"LRD_STORE.*ann:\*\*\*@.*can be opened \(") as refused:
        check_database(url)
    assert SECRET not in str(refused.value)


def test_a_missing_driver_is_refused_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "psycopg"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(SettingError, match=r"pip install 'lrd-lab\[postgres\]'"):
        check_database("postgresql://ann@host/lab")


def test_servers_that_start_together_migrate_once(postgres_url: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        for engine in pool.map(open_database, [postgres_url] * 4):
            engine.dispose()


async def test_one_server_runs_the_jobs_and_its_address_is_known(postgres_url: str) -> None:
    first = Ownership(postgres_url, "http://one:8000")
    second = Ownership(postgres_url, "http://two:8000")
    assert await second.owner() == ""
    assert await first.take()
    assert await first.take()
    assert not await second.take()
    assert await second.owner() == await first.owner() == "http://one:8000"
    await first.close()
    assert await second.take()
    assert await first.owner() == "http://two:8000"
    await first.close()
    await second.close()


async def test_only_the_server_that_runs_the_jobs_writes(postgres_url: str) -> None:
    first = Ownership(postgres_url, "http://one:8000")
    second = Ownership(postgres_url, "http://two:8000")
    stores = [Store(postgres_url, guard=one.check) for one in (first, second)]
    assert await first.take()
    await stores[0].create(experiment("a"), {})
    with pytest.raises(OperationalError, match="does not run the jobs"):
        await stores[1].create(experiment("b"), {})
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
        )
    while not await second.take():  # noqa: ASYNC110
        await asyncio.sleep(0.001)
    # It does not know yet that its lock is gone.
    with pytest.raises(OperationalError, match="does not run the jobs"):
        await stores[0].create(experiment("c"), {})
    await stores[1].create(experiment("d"), {})
    assert {one.id for one in await stores[1].experiments(10)} == {"a", "d"}
    for store in stores:
        store.close()
    await first.close()
    await second.close()


def test_gc_waits_for_no_server_that_runs_jobs(
    postgres_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("LRD_FILES", str(tmp_path))
    with alone(postgres_url, "http://one:8000"):
        assert gc(postgres_url, dry_run=False, as_json=False) == 1
        assert "in use by another server (http://one:8000)" in capsys.readouterr().err
        assert gc(postgres_url, dry_run=True, as_json=False) == 0
    assert gc(postgres_url, dry_run=False, as_json=False) == 0


def test_an_address_that_could_not_be_made_known_is_refused() -> None:
    with pytest.raises(SettingError, match=r"LRD_ADDRESS.*at most 63 bytes"):
        Ownership("postgresql:///lab", "http://" + "a" * 60)
    with pytest.raises(SettingError, match=r"LRD_ADDRESS.*http://lab-1:8000"):
        load_settings(address="lab-1")
