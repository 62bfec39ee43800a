"""The nursery is forked from a program that has one thread, and ends whatever becomes of that."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys

import pytest

from backend.jobs import cradle
from tests.backend.server import ROOT

#: As a user has it: nobody says how many threads there are.
FREE = {name: text for name, text in os.environ.items() if not name.endswith("_NUM_THREADS")}


@pytest.mark.parametrize(
    "module", ["backend.server", "backend.commands.serve", "backend.commands.worker"]
)
def test_who_forks_has_one_thread(module: str) -> None:
    code = (
        f"import {module}, psutil; import backend.jobs.nursery; print(psutil.Process().threads())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=FREE | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.count("id=") == 1


def ends(seconds: float) -> cradle.Cradle:
    """A process with the pipes of a nursery, which ends by itself, or when its orders do."""
    script = f"import select; print('{{}}', flush=True); select.select([0], [], [], {seconds})"
    return cradle.spawn([sys.executable, "-c", script], os.environ)


@pytest.mark.parametrize(("ignored", "code"), [(False, 0), (True, cradle.UNKNOWN)])
async def test_its_end_is_told_and_leaves_nothing_open(ignored: bool, code: int) -> None:
    before = len(os.listdir("/proc/self/fd"))
    one = ends(0)
    if ignored:  # as where SIGCHLD is: somebody else reaps it
        await asyncio.to_thread(os.waitpid, one.pid, 0)
    heard: list[object] = []
    assert await one.listen(heard.append) == code
    assert heard == [{}]
    one.tell(name="nobody")
    await one.close()
    await asyncio.sleep(0)
    assert len(os.listdir("/proc/self/fd")) == before


async def test_it_is_let_go_while_it_runs_and_before_anybody_listens() -> None:
    one = ends(60)
    listening = asyncio.create_task(one.listen(lambda _: None))
    await asyncio.sleep(0.2)
    await one.close()
    assert await listening == 0
    other = ends(60)
    await other.close()
    # Its orders have ended, so it ends.
    assert await asyncio.wait_for(other.listen(lambda _: None), 20) == 0
