"""When a run's steps were stored."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from backend.api.series import At, Id, check
from backend.protocol import StepTimes

router = APIRouter(prefix="/experiments", tags=["experiments"])


@router.get("/{id}/times")
async def times(id: Id, at: At, run: Annotated[str, Query(max_length=32)]) -> StepTimes:
    """When some of a run's steps were stored, in order; a fork's earlier steps are its parent's."""
    check(await at.manager.experiment(id), run, 1, None)
    steps, seconds = await at.store.times(id, run)
    return StepTimes(run=run, steps=steps, at=seconds)
