"""REST: one router a resource, one form for every error."""

from fastapi import APIRouter

from backend.api import catalogue, docs, experiments, health

router = APIRouter(prefix="/api")
for part in (health, catalogue, experiments, docs):
    router.include_router(part.router)

__all__ = ["router"]
