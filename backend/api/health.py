"""Is the server up, and what is it doing?"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends

from backend.protocol import Health
from backend.services import Services, services
from lrd_core import __version__

router = APIRouter(tags=["health"])


@router.get("/health")
async def health(at: Annotated[Services, Depends(services)]) -> Health:
    """Answers once the store can be read."""
    await at.store.check()
    return Health(
        status="ok",
        version=__version__,
        store=at.store.name,
        jobs=at.manager.count,
        viewers=at.hub.count,
        leader=at.lead.leader if at.lead else "",
    )
