"""A worker whose link is cut, or of an earlier life of this server: it comes back, or why not."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from backend.jobs.crew import Crew
from backend.jobs.job import Job
from backend.jobs.process import Worker
from backend.settings import Settings

#: In which the worker of an experiment that was being started when the server ended comes back, if
#: it had heard of it.
BEGIN_S = 5.0
#: How often it is looked.
LOOK_S = 0.1


@dataclass(frozen=True)
class Lost:
    """A worker that does not come back.

    Attributes:
        cause: in words.
        died: it, where its process is seen to have ended.
        begins: it was to start the experiment, and may never have heard of that.
    """

    cause: str
    died: Worker | None = None
    begins: bool = False


async def returned(
    job: Job, crew: Crew, settings: Settings, wanted: Callable[[], bool]
) -> Lost | None:
    """Wait for the worker of a job; None once it is connected, or nobody has `wanted` it longer."""
    since = time.monotonic()
    # On this machine a process that has ended is seen; one elsewhere may train on, unseen.
    node = job.experiment.node
    limit = settings.away_limit if node else settings.return_limit
    # Of one that was being started nobody knows whether its worker had heard of it.
    begins = job.worker is None and job.experiment.state == "starting"
    limit = min(limit, BEGIN_S) if begins else limit
    while True:
        worker = job.worker
        if not wanted() or (worker is not None and worker.send):
            return None
        if worker is not None and not worker.ours and not worker.alive():
            return Lost("no exit code is known", died=worker)
        # It counts from the last time that it was there: it may come often and be cut again.
        seen = since if worker is None else max(since, worker.seen)
        # Between its hello and its assignment it is known to the crew alone.
        gone = worker is None and not any(one.experiment == job.id for one in crew.all())
        # One of before this server's start, that its node does not have any more.
        ended = bool(node) and gone and not crew.nodes.has_others(node)
        if ended or time.monotonic() - seen > limit:
            return Lost(_cause(job, ended), begins=begins and gone)
        await asyncio.sleep(LOOK_S)


def _cause(job: Job, ended: bool) -> str:
    node = job.experiment.node
    if job.worker is not None:
        where = f" on {node}" if node else ""
        return f"its worker process{where} lost the connection and did not come back"
    if ended:
        return f"its worker process on {node} ended while the server was away"
    return "the server was restarted and its worker process did not come back"
