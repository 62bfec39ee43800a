"""REST: one router a resource, one form for every error."""

from fastapi import APIRouter

from backend.api import catalogue, data, docs, experiments, health, jobs, metrics, series, swarms

router = APIRouter(prefix="/api")
for part in (health, metrics, catalogue, data, experiments, series, jobs, swarms, docs):
    router.include_router(part.router)

__all__ = ["router"]
