"""What a chart shows as one table: rows of several runs, as CSV, Parquet or an Arrow stream."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Annotated

import numpy as np
import pyarrow as pa
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from backend.api import series_formats
from backend.api.series import At, Id, check, check_range
from backend.errors import ApiError
from backend.protocol import Experiment
from backend.store.reading import RawColumn, Read
from lrd_core.problems import get_surface

router = APIRouter(prefix="/experiments", tags=["experiments"])

#: Values that one table holds; writing text takes the processor from everybody else.
MOST_VALUES, MOST_IN_CSV = 8_000_000, 2_000_000
#: Not stored: how far (x, y) is from the nearest global minimum of a surface.
DISTANCE = "distance"


@router.get(
    "/{id}/table",
    response_class=Response,
    responses={200: {"content": {media: {} for media in series_formats.ENCODERS}}},
)
async def table(
    id: Id,
    at: At,
    request: Request,
    columns: Annotated[str, Query(max_length=4000, description="names, separated by commas")],
    runs: Annotated[
        str, Query(max_length=1000, description="ids, separated by commas; empty is all")
    ] = "",
    first: Annotated[int, Query(ge=1, description="step")] = 1,
    last: Annotated[int | None, Query(ge=1, description="included; the newest if left out")] = None,
) -> Response:
    """Every recorded row of some columns: ``run``, ``step`` and a column each, null (in CSV empty)
    where a run has no row of it at a step. On a surface ``distance`` is one of them: how far the
    position is from the nearest global minimum. `Accept` chooses the format, CSV by default."""
    experiment = await at.manager.experiment(id)
    offered = (series_formats.CSV, series_formats.PARQUET, series_formats.ARROW)
    media = series_formats.chosen(request.headers.get("accept", ""), offered)
    wanted = list(dict.fromkeys(name for name in columns.split(",") if name))
    if not wanted:
        allowed = "names of columns, separated by commas"
        raise ApiError(422, "columns", columns, allowed, f"columns: give {allowed}")
    chosen = [run for run in runs.split(",") if run] or [run.id for run in experiment.runs]
    check_range(first, last)
    for run in chosen:
        check(experiment, run, 1, last)
    stored = _stored(experiment, wanted)
    found = {}
    most = MOST_IN_CSV if media == series_formats.CSV else MOST_VALUES
    left = most
    for run in chosen:
        left -= await at.store.count(id, run, stored, first, last)
        if left < 0:
            allowed = f"a range of at most {most:,} values, or fewer runs"
            if most < MOST_VALUES:
                allowed += f", or Parquet, which takes {MOST_VALUES:,}"
            raise ApiError(422, "last", last, allowed, f"last: use {allowed}")
        found[run] = await at.store.read(id, run, stored, first, last)
    await _check_names(at, id, chosen, stored, found)
    made = await asyncio.to_thread(_table, experiment, wanted, found)
    body = await asyncio.to_thread(series_formats.ENCODERS[media], made)
    return Response(body, media_type=media, headers={"Vary": "Accept, Accept-Encoding"})


def _stored(experiment: Experiment, wanted: Sequence[str]) -> set[str]:
    """Names of what has to be read for `wanted`."""
    names = set(wanted)
    if DISTANCE in names and experiment.kind == "surface":
        names = names - {DISTANCE} | {"x", "y"}
    return names


async def _check_names(
    at: At, id: str, runs: Sequence[str], stored: set[str], found: Mapping[str, Mapping[str, Read]]
) -> None:
    """A name that none of the runs has in the range has to be known at all."""
    missing = stored.difference(*found.values())
    if not missing:
        return
    known = {name for run in runs for name in await at.store.column_names(id, run)}
    unknown = sorted(missing - known)
    if known and unknown:
        allowed = "of " + ", ".join(sorted(known))
        message = f"columns: there is no {unknown[0]!r}; use some {allowed}"
        raise ApiError(422, "columns", unknown[0], allowed, message)


def _table(
    experiment: Experiment, wanted: Sequence[str], found: Mapping[str, Mapping[str, Read]]
) -> pa.Table:
    parts = []
    for run, read in found.items():
        complete = dict(read)
        if DISTANCE in wanted and experiment.kind == "surface":
            complete[DISTANCE] = _distance(experiment, read)
        of_run = series_formats.table({n: complete[n] for n in wanted if n in complete}, False)
        names = pa.array([run] * len(of_run), pa.string())
        parts.append(of_run.add_column(0, "run", names))
    schema = pa.schema([("run", pa.string()), ("step", pa.int64())])
    for name in wanted:
        kinds = [part.schema.field(name).type for part in parts if name in part.column_names]
        schema = schema.append(pa.field(name, kinds[0] if kinds else pa.float64()))
    return pa.concat_tables([_filled(part, schema) for part in parts])


def _filled(part: pa.Table, schema: pa.Schema) -> pa.Table:
    """`part` with all of the schema's columns, in their order."""
    columns = [
        part[field.name].cast(field.type)
        if field.name in part.column_names
        else pa.nulls(len(part), field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)


def _distance(experiment: Experiment, read: Mapping[str, Read]) -> RawColumn:
    """Distances to the nearest global minimum, (rows,) float64, where both coordinates are."""
    x, y = read.get("x"), read.get("y")
    if not (isinstance(x, RawColumn) and isinstance(y, RawColumn)):
        return RawColumn(np.empty(0, np.int64), np.empty(0))
    surface = get_surface(experiment.problem).settled(experiment.settings)
    steps, in_x, in_y = np.intersect1d(x.steps, y.steps, True, return_indices=True)
    minima = [point for point in surface.view.points if point.kind == "minimum"]
    if not minima:
        return RawColumn(steps[:0], np.empty(0))
    places = (np.hypot(x.values[in_x] - p.x, y.values[in_y] - p.y) for p in minima)
    return RawColumn(steps, np.min(np.stack(list(places)), axis=0))
