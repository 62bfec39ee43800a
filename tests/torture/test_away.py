"""A backend that is away does not stop training while the disk has room for the rows; if it stays
away, the worker ends, and nothing is lost."""

from __future__ import annotations

from pathlib import Path

from lrd_core.engine.checkpoint import steps_of
from tests.backend.server import everything, running_server, until
from tests.torture.ordeal import NAMES, bits, undisturbed
from tests.torture.schedule import RUNS as TWO_RUNS

RUNS = ["r1", "r2", "r3", "r4"]
#: Bytes for some eighty steps of four runs.
UNSENT = 20_000
#: So many steps have no room in that.
MANY = 1000


def test_what_memory_does_not_hold_is_spilled_until_the_backend_is_back(tmp_path: Path) -> None:
    with running_server(tmp_path, unsent_bytes=UNSENT) as server:
        id = server.create(problem="beale", steps=1_000_000, speed=0)["id"]
        before = server.reach(id, 100)["step"]
        [worker] = server.workers()
        server.kill()
        kept = tmp_path / "checkpoints" / id

        def late() -> bool:
            return max(steps_of(kept).get("r1", ()), default=0) > before + MANY

        until(late, what="a checkpoint of a late step")
        server.start()
        until(lambda: server.experiment(id)["connected"], what="the reconnect")
        out = server.control(id, kind="pause").json()
        assert [p.pid for p in server.workers()] == [worker.pid]
        assert out["received_step"] > before + MANY
        everything(server, id).check_gapless(RUNS, out["received_step"])


def test_a_backend_that_stays_away_ends_the_worker_and_the_future_is_the_same(
    tmp_path: Path,
) -> None:
    parts = {"problem": "beale", "runs": TWO_RUNS, "steps": 1500, "seed": 3}
    with running_server(tmp_path, away_limit=0.5, return_limit=1) as server:
        id = server.create(**parts, speed=200)["id"]
        server.reach(id, 50)
        [worker] = server.workers()
        server.kill()
        worker.wait(30)
        server.start()
        failed = server.state(id, "failed")
        assert "its worker process did not come back" in failed["message"]
        server.post(f"/api/experiments/{id}/resume", paused=False)
        server.control(id, kind="speed", value=0.0)
        server.state(id, "finished")
        rows = everything(server, id)
        rows.check_gapless(NAMES, 1500)
        assert bits(rows.values) == undisturbed(parts, [])
