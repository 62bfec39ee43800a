"""Sweeps: a grid of two settings, filled by experiments."""

from __future__ import annotations

import asyncio
import csv
import io
import time
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import Response

from backend.errors import ApiError
from backend.jobs.manager import Manager
from backend.protocol import Sweep, SweepCell, SweepCells, SweepIn, SweepPatch
from backend.protocol.sweeps import SweepState
from backend.services import Services, kept, services
from backend.store.records import QUEUED, moment
from backend.store.sweeps import StoredSweep
from backend.sweeps import orders
from backend.sweeps.board import Board, Boards, surface_of
from backend.sweeps.measure import WINDOW, measures
from backend.sweeps.plan import axis
from lrd_core.problems import PROBLEMS

router = APIRouter(prefix="/sweeps", tags=["sweeps"])

At = Annotated[Services, Depends(services)]
Id = Annotated[str, Path(max_length=32)]


@router.post("", status_code=201)
async def create(given: SweepIn, at: At) -> Sweep:
    """Start a sweep: one experiment a row of the grid, whose runs are the row's cells. They train
    as fast as they can, as many at a time as there are cores, and behind all other experiments."""
    return (await _told([await orders.start(given, at.store, at.manager)], at))[0]


@router.get("")
async def newest(
    at: At,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    deleted: Annotated[bool, Query(description="those that were deleted instead")] = False,
) -> list[Sweep]:
    """The newest sweeps, newest first."""
    return await _told(await at.store.sweeps(limit, deleted), at)


@router.get("/{id}")
async def one(id: Id, at: At) -> Sweep:
    """A sweep as it stands."""
    return (await _told([await _stored(id, at)], at))[0]


@router.patch("/{id}")
async def rename(id: Id, given: SweepPatch, at: At) -> Sweep:
    """Give it another name."""
    await _stored(id, at)
    await at.store.rename_sweep(id, given.name)
    return await one(id, at)


@router.get("/{id}/cells")
async def cells(
    id: Id,
    at: At,
    request: Request,
    after: Annotated[str, Query(max_length=40, description="the last answer's `cursor`")] = "",
) -> SweepCells:
    """The cells that are new since the last answer, at first all of them. A look reads only the
    rows that came since the one before, whoever asked."""
    sweep = await _stored(id, at)
    # First: when it has ended, so have the cells.
    [told] = await _told([sweep], at)
    board = await _board(sweep, at, request, told)
    cursor, new = board.since(after)
    return SweepCells(cursor=cursor, state=told.state, progress=told.progress, cells=new)


@router.get("/{id}/table", response_class=Response, responses={200: {"content": {"text/csv": {}}}})
async def table(id: Id, at: At, request: Request) -> Response:
    """All cells as CSV: values of both settings, state, steps, and each measure with its standard
    deviation and number of seeds."""
    sweep = await _stored(id, at)
    [told] = await _told([sweep], at)
    board = await _board(sweep, at, request, told)
    text = io.StringIO()
    csv.writer(text).writerows(_rows(told, board.all()))
    name = f'attachment; filename="sweep-{sweep.id}.csv"'
    headers = {"Content-Disposition": name, "Cache-Control": "no-cache"}
    return Response(text.getvalue(), media_type="text/csv", headers=headers)


@router.post("/{id}/stop")
async def stop(id: Id, at: At) -> Sweep:
    """End the training of all its cells; every step stays."""
    await orders.stop(await _stored(id, at), at.manager)
    return await one(id, at)


@router.post("/{id}/resume")
async def resume(id: Id, at: At) -> Sweep:
    """Let all cells whose training was ended go on where they stand."""
    await orders.go_on(await _stored(id, at), at.manager)
    return await one(id, at)


@router.delete("/{id}", status_code=204)
async def delete(id: Id, at: At) -> None:
    """Delete it and its experiments; they are stopped. All can be brought back until `lrd gc` takes
    them, a week later."""
    sweep = await _stored(id, at)
    await orders.stop(sweep, at.manager)
    await at.store.set_sweep_deleted(id, time.time())


@router.post("/{id}/restore")
async def restore(id: Id, at: At) -> Sweep:
    """Bring a deleted one back with its experiments."""
    await _stored(id, at)
    await at.store.set_sweep_deleted(id, None)
    return await one(id, at)


async def _stored(id: str, at: Services) -> StoredSweep:
    sweep = await at.store.sweep(id)
    if sweep is None:
        allowed = "the id of a sweep in the list"
        message = f"id: there is no sweep {id!r}; see the list of sweeps"
        raise ApiError(404, "id", id, allowed, message)
    return sweep


async def _board(sweep: StoredSweep, at: Services, request: Request, told: Sweep) -> Board:
    board = kept(request, Boards).of(sweep, at.store, at.manager)
    await board.look(at_once=told.state in ("finished", "stopped"))
    return board


async def _told(stored: Sequence[StoredSweep], at: Services) -> list[Sweep]:
    """Sweeps as they stand, by what their experiments do."""
    found = await at.store.sweep_states([one.id for one in stored])
    rows = [[_now(row, at.manager) for row in found[one.id]] for one in stored]
    # Minima of a typed formula may have to be looked for first.
    return await asyncio.to_thread(lambda: list(map(_sweep, stored, rows)))


def _now(row: tuple[str, str, int], manager: Manager) -> tuple[str, int]:
    """State and step of an experiment, as stored or, while it trains, as they are."""
    id, state, step = row
    job = manager.job(id)
    return (state, step) if job is None else (job.experiment.state, job.experiment.step)


def _sweep(stored: StoredSweep, rows: Sequence[tuple[str, int]]) -> Sweep:
    given = SweepIn.model_validate(stored.spec)
    steps = given.steps or 1
    states = [state for state, _ in rows]
    made = sum(steps if state in ("finished", "diverged") else step for state, step in rows)
    surface, problem = surface_of(given.problem, given.settings), PROBLEMS.get(given.problem)
    suggested = problem.suggested_lr.get(given.run.optimizer, 0.0) if problem else 0.0
    return Sweep(
        id=stored.id,
        name=stored.name,
        created_at=moment(stored.created_at),
        problem=given.problem,
        kind="surface" if surface else "task",
        settings=given.settings,
        optimizer=given.run.optimizer,
        policy=given.run.policy,
        x=axis(given.run, given.x),
        y=axis(given.run, given.y),
        seed=given.seed,
        seeds=given.seeds,
        steps=steps,
        test_every=given.test_every or 1,
        grid=stored.grid,
        measures=list(measures(surface)),
        window=WINDOW,
        state=_state(states),
        progress=made / (steps * max(1, len(rows))),
        suggested_lr=suggested,
    )


def _state(states: Sequence[str]) -> SweepState:
    if "running" in states or "starting" in states:
        return "running"
    if "paused" in states:
        return "paused"
    if QUEUED in states:
        return "queued"
    done = all(state in ("finished", "diverged") for state in states)
    return "finished" if states and done else "stopped"


def _rows(sweep: Sweep, cells: Sequence[SweepCell]) -> list[list[Any]]:
    head = [sweep.x.setting, sweep.y.setting, "state", "step", "diverged_step"]
    head += [f"{name}{part}" for name in sweep.measures for part in ("", "_sd", "_seeds")]
    head += ["experiments", "run"]
    rows: list[list[Any]] = [head]
    for cell in cells:
        row: list[Any] = [sweep.x.values[cell.x], sweep.y.values[cell.y], cell.state, cell.step]
        row.append("" if cell.diverged_step is None else cell.diverged_step)
        for name in sweep.measures:
            value = cell.values.get(name)
            row += ["", "", 0] if value is None else [value.mean, value.sd, value.n]
        rows.append([*row, " ".join(sweep.grid[cell.y]), f"r{cell.x + 1}"])
    return rows
