"""Experiments: start, list, look, control."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query
from fastapi.responses import Response
from pydantic import TypeAdapter

from backend.api.commands import command_line
from backend.jobs.past import beginning, record
from backend.protocol import (
    Command,
    ControlIn,
    ControlOut,
    Experiment,
    ExperimentIn,
    ExperimentPatch,
    ExperimentSummary,
    ResumeIn,
    Script,
)
from backend.services import Services, services
from backend.store.records import ACTIVE, QUEUED, Filter
from lrd_core.engine.checkpoint import steps_of
from lrd_core.engine.controls import State
from lrd_core.engine.script import script
from lrd_core.problems import PROBLEMS

router = APIRouter(prefix="/experiments", tags=["experiments"])

At = Annotated[Services, Depends(services)]
Id = Annotated[str, Path(max_length=32)]


@router.post("", status_code=201)
async def create(given: ExperimentIn, at: At) -> Experiment:
    """Start an experiment; without `runs` the problem's default comparison."""
    return await at.manager.create(given)


@router.get("", response_model=list[ExperimentSummary])
async def newest(
    at: At,
    limit: Annotated[int, Query(ge=1, le=5000)] = 200,
    problem: Annotated[str | None, Query(max_length=100)] = None,
    state: State | None = None,
    optimizer: Annotated[
        str | None, Query(max_length=100, description="of any run that was not removed")
    ] = None,
    text: Annotated[
        str | None,
        Query(max_length=100, description="part of the name, the notes, a tag or a run's label"),
    ] = None,
    tag: Annotated[str | None, Query(max_length=40)] = None,
    deleted: Annotated[bool, Query(description="those that were deleted instead")] = False,
) -> Response:
    """The newest experiments, newest first; those that fit everything that is given."""
    chosen = Filter(problem, state, optimizer, text, tag, deleted)
    found = await at.store.experiments(limit, chosen)
    body = listed([_current(summary, at) for summary in found])
    return Response(body, media_type="application/json")


_LIST = TypeAdapter(list[ExperimentSummary])


def listed(summaries: list[ExperimentSummary]) -> bytes:
    """The list as JSON; at once, since FastAPI's own way checks every field again."""
    return _LIST.dump_json(summaries)


def _current(summary: ExperimentSummary, at: Services) -> ExperimentSummary:
    job = at.manager.job(summary.id)
    if job is None:
        return summary
    update = {"step": job.experiment.step, "state": job.experiment.state}
    return summary.model_copy(update=update)


@router.post("/open/{kind}")
async def open_kind(kind: Literal["surface", "task"], at: At) -> Experiment:
    """The newest experiment of this kind that trains, or a fresh default comparison."""
    async with at.opening:
        found = await at.store.newest_active(kind)
        if found is not None:
            experiment = await at.manager.experiment(found)
            if experiment.state in (QUEUED, *ACTIVE):
                return experiment
        problem = next(p for p in PROBLEMS.values() if p.kind == kind)
        return await at.manager.create(ExperimentIn(problem=problem.name))


@router.get("/{id}")
async def one(id: Id, at: At) -> Experiment:
    """An experiment as it stands."""
    return await at.manager.experiment(id)


@router.patch("/{id}")
async def describe(id: Id, given: ExperimentPatch, at: At) -> Experiment:
    """Change what people wrote about it: name, notes, tags."""
    changes = given.model_dump(exclude_none=True)
    job = at.manager.job(id)
    if job is not None:
        await job.change(**changes)
        return job.experiment
    experiment = (await at.manager.experiment(id)).model_copy(update=changes)
    await at.store.save(experiment)
    at.hub.experiment(experiment)
    return experiment


@router.delete("/{id}", status_code=204)
async def delete(id: Id, at: At) -> None:
    """Delete it: no list shows it any more. One that trains is stopped. It can be brought back
    until `lrd gc` takes it, a week later."""
    experiment = await at.manager.experiment(id)
    job = at.manager.job(id)
    if job is not None and (job.active or job.queued):
        await at.manager.control(id, ControlIn(kind="stop"))
    await at.store.set_deleted(experiment.id, time.time())


@router.post("/{id}/restore")
async def restore(id: Id, at: At) -> Experiment:
    """Bring a deleted one back."""
    await at.store.set_deleted(id, None)
    return await at.manager.experiment(id)


@router.post("/{id}/resume")
async def resume(id: Id, given: ResumeIn, at: At) -> Experiment:
    """Let an ended experiment go on where its record ends; it may have to wait for a place."""
    return await at.manager.resume(id, given)


@router.get("/{id}/checkpoints")
async def checkpoints(id: Id, at: At) -> dict[str, list[int]]:
    """The steps whose states are kept, by run; any other state is made again from these."""
    await at.manager.experiment(id)
    known = await at.store.checkpoints(id)
    if known:
        return {run: [step for step, _, _ in kept] for run, kept in known.items()}
    # Not told yet, or trained before there was an index.
    return dict(await asyncio.to_thread(steps_of, at.settings.checkpoints / id))


@router.post("/{id}/controls")
async def control(id: Id, given: ControlIn, at: At) -> ControlOut:
    """Change something while it trains; answers once it has taken effect and is stored. One that
    has ended is resumed for it, paused."""
    return await at.manager.control(id, given)


@router.get("/{id}/controls")
async def controls(id: Id, at: At) -> list[ControlOut]:
    """Every control that took effect, in order."""
    await at.manager.experiment(id)
    return await at.store.controls(id)


@router.get("/{id}/command")
async def command(id: Id, at: At) -> Command:
    """The command line that computes the same numbers."""
    experiment = await at.manager.experiment(id)
    spec = await at.store.spec(id)
    added = await at.store.added_runs(id)
    changes = await at.store.controls(id)
    return Command(
        command=await asyncio.to_thread(command_line, experiment, spec or {}, added, changes)
    )


@router.get("/{id}/python")
async def python(id: Id, at: At) -> Script:
    """A Python script that trains the same in a loop of its own."""
    experiment = await at.manager.experiment(id)
    spec = await beginning(at.store, experiment)
    known = await record(at.store, experiment, spec)
    made = await asyncio.to_thread(script, spec, known.runs, experiment.steps)
    return Script(script=made)
