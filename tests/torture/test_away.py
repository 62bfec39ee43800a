"""A backend that is away does not stop training while the disk has room for the rows."""

from __future__ import annotations

from pathlib import Path

from lrd_core.engine.checkpoint import steps_of
from tests.backend.server import everything, running_server, until

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
        until(lambda: steps_of(kept).get("r1", [0])[-1] > before + MANY, what="a late checkpoint")
        server.start()
        until(lambda: server.experiment(id)["connected"], what="the reconnect")
        out = server.control(id, kind="pause").json()
        assert [p.pid for p in server.workers()] == [worker.pid]
        assert out["received_step"] > before + MANY
        everything(server, id).check_gapless(RUNS, out["received_step"])
