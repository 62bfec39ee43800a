"""REST: one router a resource, one form for every error."""

from fastapi import APIRouter

from backend.api import (
    catalogue,
    data,
    docs,
    effective,
    experiments,
    health,
    jobs,
    lessons,
    lines,
    metrics,
    series,
    swarms,
    sweeps,
    times,
)

router = APIRouter(prefix="/api")
PARTS = (
    health,
    metrics,
    catalogue,
    data,
    experiments,
    series,
    lines,
    effective,
    times,
    jobs,
    swarms,
    sweeps,
    lessons,
    docs,
)
for part in PARTS:
    router.include_router(part.router)

__all__ = ["router"]
