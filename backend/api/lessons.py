"""Guided lessons: what there is to read beside an experiment."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request

from backend.lessons import Shelf
from backend.protocol import Lessons
from backend.services import kept

router = APIRouter(tags=["lessons"])


async def shelf(request: Request) -> Shelf:
    """The lessons of the application that handles `request`."""
    return kept(request, Shelf)


@router.get("/lessons")
def lessons(at: Annotated[Shelf, Depends(shelf)]) -> Lessons:
    """Every lesson in its order, and what is wrong with the files of others."""
    return at.lessons()
