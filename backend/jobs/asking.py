"""A control on its way: sent to a job's worker, answered once it has taken effect."""

from __future__ import annotations

import asyncio
import secrets
import time
from contextlib import nullcontext
from typing import Any

from backend.errors import ApiError
from backend.jobs.job import Job
from backend.jobs.messages import WorkerControl
from backend.jobs.unstored import refusal
from backend.protocol import ControlIn, ControlOut


async def ask(job: Job, given: ControlIn, limit: float) -> ControlOut:
    """Send a control to a job that has a worker or is about to have one; gives its answer.

    Args:
        limit: seconds in which it must be answered. While a run that it is for is behind, the loop
            may hold it until recorded steps are made again: that is waited for, however long it
            takes.

    Raises:
        ApiError: 409 no worker, 422 refused, 504 no answer, 503 or 507 the store takes nothing.
    """
    if job.hold.error is not None:
        raise refusal(job.hold.error)
    id = secrets.token_hex(6)
    answer = job.expect(id)
    message = WorkerControl(control=_parts(given, id), who=given.who)
    try:
        with job.stopping(given.who) if given.kind == "stop" else nullcontext():
            async with asyncio.timeout(limit):
                if job.experiment.state == "starting":
                    await job.ready.wait()
                if not answer.done() and not await job.tell(message):
                    raise job.no_worker()
            while not answer.done():
                await asyncio.wait([answer], timeout=limit)
                if not answer.done() and not job.behind(given.run):
                    raise TimeoutError
            return answer.result()
    except TimeoutError:
        allowed = f"an answer within {limit:g} s"
        words = f"kind: {given.kind} was not answered within {limit:g} s; look whether it came"
        raise ApiError(504, "kind", given.kind, allowed, words) from None
    finally:
        job.give_up(id)


def _parts(given: ControlIn, id: str) -> dict[str, Any]:
    """A control as it travels; of a run only what was given."""
    spec = None if given.spec is None else given.spec.model_dump(exclude_unset=True)
    return given.model_dump(exclude={"who", "spec"}) | {"id": id, "spec": spec}


def stop_row(step: int, who: str) -> dict[str, Any]:
    """The row of `tables.controls` of a stop that no worker has to be asked for."""
    return {
        "id": secrets.token_hex(6),
        "kind": "stop",
        "run": None,
        "setting": None,
        "value": None,
        "spec": None,
        "step": step + 1,
        "received_step": step,
        "changes": [],
        "at": time.time(),
        "who": who,
    }
