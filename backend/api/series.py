"""Series of a run: every row, or buckets for a chart's width; as JSON, Arrow, Parquet or CSV."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import Response

from backend.api import series_formats
from backend.errors import ApiError
from backend.protocol import ColumnNames, Experiment, Series
from backend.services import Services, services
from backend.store.reading import Read

router = APIRouter(prefix="/experiments", tags=["experiments"])

At = Annotated[Services, Depends(services)]
Id = Annotated[str, Path(max_length=32)]

#: Pixels that buckets can be asked for.
MOST_WIDTH = 10_000
#: Values that one answer without `width` holds.
MOST_VALUES = 2_000_000


@router.get(
    "/{id}/series",
    response_model=Series,
    responses={
        200: {"content": {media: {} for media in series_formats.WRITERS}},
        304: {"description": "nothing new since the ETag in If-None-Match"},
    },
)
async def series(
    id: Id,
    at: At,
    request: Request,
    run: Annotated[str, Query(max_length=32)],
    columns: Annotated[str, Query(description="names, separated by commas; empty is all")] = "",
    first: Annotated[int, Query(ge=1, description="step")] = 1,
    last: Annotated[int | None, Query(ge=1, description="included; the newest if left out")] = None,
    width: Annotated[
        int | None,
        Query(
            ge=1,
            le=MOST_WIDTH,
            description="pixels: a column with more than four rows a pixel comes in buckets with "
            "their smallest, largest and last value; all rows if left out",
        ),
    ] = None,
) -> Response:
    """Values of one run by column. `Accept` chooses JSON, an Arrow stream, Parquet or CSV."""
    experiment = await at.manager.experiment(id)
    check(experiment, run, first, last)
    media = series_formats.chosen(request.headers.get("accept", ""))
    newest = await at.store.newest(id)
    tag = _tag(id, newest, run, columns, first, last, width, media)
    headers = {"ETag": tag, "Cache-Control": "no-cache", "Vary": "Accept, Accept-Encoding"}
    if _known(request.headers.get("if-none-match", ""), tag):
        return Response(status_code=304, headers=headers)
    wanted = {name for name in columns.split(",") if name} or None
    if width is None:
        await _check_size(at, id, run, wanted, first, last)
    found = await at.store.read(id, run, wanted, first, last, width)
    await _check_names(at, id, run, wanted, found)
    body = await asyncio.to_thread(series_formats.WRITERS[media], run, found, width is not None)
    return Response(body, media_type=media, headers=headers)


@router.get("/{id}/columns")
async def columns(id: Id, at: At, run: Annotated[str, Query(max_length=32)]) -> ColumnNames:
    """Names of all columns that a run has rows of; a fork's earlier rows are its parent's."""
    check(await at.manager.experiment(id), run, 1, None)
    return ColumnNames(run=run, columns=await at.store.column_names(id, run))


def check_range(first: int, last: int | None) -> None:
    """Whether `last` does not come before `first`.

    Raises:
        ApiError: 422, it does.
    """
    if last is not None and last < first:
        allowed = f"a step from first={first} on"
        raise ApiError(422, "last", last, allowed, f"last: {last} is not allowed; use {allowed}")


def check(experiment: Experiment, run: str, first: int, last: int | None) -> None:
    """Whether a run can be asked for steps `first` to `last`.

    Raises:
        ApiError: 422, there is no such run or no such range.
    """
    names = [known.id for known in experiment.runs]
    if run not in names:
        allowed = "one of " + ", ".join(names)
        raise ApiError(422, "run", run, allowed, f"run: there is no {run!r}; use {allowed}")
    check_range(first, last)
    if experiment.step and first > experiment.step:
        allowed = f"a step in [1, {experiment.step}]: that is how far it is"
        message = f"first: {first} is not allowed; use {allowed}"
        raise ApiError(422, "first", first, allowed, message)


async def _check_size(
    at: Services, id: str, run: str, wanted: set[str] | None, first: int, last: int | None
) -> None:
    rows = await at.store.count(id, run, wanted, first, last)
    if rows > MOST_VALUES:
        allowed = f"a range of at most {MOST_VALUES} values, or fewer columns, or a width"
        message = f"last: up to there are {rows} values; use {allowed}"
        raise ApiError(422, "last", last, allowed, message)


async def _check_names(
    at: Services, id: str, run: str, wanted: set[str] | None, found: dict[str, Read]
) -> None:
    """Names that were asked for without success have to be known; a run without rows has none."""
    missing = (wanted or set()) - found.keys()
    if not missing:
        return
    known = await at.store.column_names(id, run)
    unknown = sorted(missing - set(known))
    if known and unknown:
        allowed = "of " + ", ".join(known)
        message = f"columns: {run} has no {unknown[0]!r}; use some {allowed}"
        raise ApiError(422, "columns", unknown[0], allowed, message)


def _tag(*parts: object) -> str:
    """Weak: the same rows may be compressed in another way."""
    text = "\n".join(map(str, parts))
    return f'W/"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'


def _known(header: str, tag: str) -> bool:
    """Whether `If-None-Match` names `tag`, compared weakly."""
    given = [one.strip().removeprefix("W/") for one in header.split(",")]
    return "*" in given or tag.removeprefix("W/") in given
