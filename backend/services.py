"""What requests work with, held in ``app.state.services`` while the server runs."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from fastapi import Request

from backend.jobs.manager import Manager
from backend.settings import Settings
from backend.store import Store
from backend.stream.hub import Hub

Kept = TypeVar("Kept")


class Lead(Protocol):
    """Who runs the jobs of a store that several servers share."""

    @property
    def leading(self) -> bool:
        """This server does."""

    @property
    def leader(self) -> str:
        """Address of the server that does; empty if it is this one, or none."""


@dataclass
class Services:
    """Store, hub and manager of one server; `token` lets worker processes in. `lead` is None where
    no other server can share the store."""

    settings: Settings
    store: Store
    hub: Hub
    manager: Manager
    token: str
    lead: Lead | None = None
    #: Two first visitors share one default comparison.
    opening: asyncio.Lock = field(default_factory=asyncio.Lock)


def services(request: Request) -> Services:
    """The services of the application that handles `request` (a FastAPI dependency)."""
    found: Services = request.app.state.services
    return found


def kept(request: Request, kind: type[Kept]) -> Kept:
    """The one `kind` of the application that handles `request`, made when it is first asked for.
    To be called on the event loop only: two threads could make two."""
    state = request.app.state
    if not hasattr(state, kind.__name__):
        setattr(state, kind.__name__, kind())
    found: Kept = getattr(state, kind.__name__)
    return found
