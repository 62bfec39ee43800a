"""Lines of all runs at once, for a page of charts: a few columns at a chart's width."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from typing import Annotated, Any

import msgspec
import numpy as np
from fastapi import APIRouter, Query
from fastapi.responses import Response
from numpy.typing import NDArray

from backend.api.series import At, Id, check_range
from backend.errors import ApiError
from backend.store.reading import ROWS_A_PIXEL, RawColumn, Read, RunLines

router = APIRouter(prefix="/experiments", tags=["experiments"])

VERSION = 1
#: Pixels that lines can be asked for.
MOST_WIDTH = 4096
#: Values that one answer may hold if every column has as many rows as are not put in buckets.
MOST_VALUES = 6_000_000

Names = Annotated[str, Query(max_length=4000, description="names, separated by commas")]


@router.get(
    "/{id}/lines",
    response_class=Response,
    responses={200: {"content": {"application/msgpack": {}}}},
)
async def lines(
    id: Id,
    at: At,
    columns: Names = "",
    samples: Names = "",
    first: Annotated[int, Query(ge=1, description="step")] = 1,
    last: Annotated[int | None, Query(ge=1, description="included; the newest if left out")] = None,
    width: Annotated[
        int, Query(ge=1, le=MOST_WIDTH, description="pixels, as in the series of one run")
    ] = 1024,
) -> Response:
    """Columns of every run as MessagePack, all as of one frame, `seq`.

    `runs` has for each run that has rows its newest step, `last`, and the `names` of all its
    columns. An entry of `lines` is one column of a run: `steps` and `values` of all its rows; or
    the buckets' `first` and `last` step, `bad` (rows that are not finite), `low`, `high`, `final`
    (value of the last row) and `mean` (NaN if it was not kept). Of the columns in `samples` only
    the last row of each bucket comes, as `steps` and `values`, with `thin` true. Numbers are
    `[dtype, bytes]` as in frames.
    """
    experiment = await at.manager.experiment(id)
    check_range(first, last)
    bucketed, sampled = _names(columns), _names(samples)
    wanted = bucketed | sampled
    most = len(experiment.runs) * len(wanted) * ROWS_A_PIXEL * width
    if most > MOST_VALUES:
        fits = max(1, MOST_VALUES // max(1, len(experiment.runs) * len(wanted) * ROWS_A_PIXEL))
        allowed = f"a width of at most {fits}, or fewer columns"
        message = f"width: {width} pixels of {len(wanted)} columns are too much; use {allowed}"
        raise ApiError(422, "width", width, allowed, message)
    seq, found = await at.store.lines(id, wanted, first, last, width)
    content = await asyncio.to_thread(packed, seq, found, sampled - bucketed)
    # Numbers shrink little and packing them takes longer than sending.
    headers = {"Content-Encoding": "identity", "Cache-Control": "no-cache"}
    return Response(content, media_type="application/msgpack", headers=headers)


def _names(text: str) -> set[str]:
    return {name for name in text.split(",") if name}


def packed(seq: int, found: Mapping[str, RunLines], sampled: Collection[str]) -> bytes:
    """The answer; of the columns in `sampled` one row a bucket."""
    return msgspec.msgpack.encode(
        {
            "v": VERSION,
            "seq": seq,
            "runs": {run: {"last": one.last, "names": one.names} for run, one in found.items()},
            "lines": [
                {"run": run, "name": name, **_line(column, name in sampled)}
                for run, one in found.items()
                for name, column in one.columns.items()
            ],
        }
    )


def _line(column: Read, sampled: bool) -> dict[str, Any]:
    if isinstance(column, RawColumn):
        return {"steps": _numbers(column.steps), "values": _numbers(column.values)}
    buckets = column.buckets
    if sampled:
        values = _numbers(buckets.last)
        return {"steps": _numbers(column.last), "values": values, "thin": True}
    return {
        "first": _numbers(column.first),
        "last": _numbers(column.last),
        "bad": _numbers(buckets.bad.astype(np.float32)),
        "low": _numbers(buckets.low),
        "high": _numbers(buckets.high),
        "final": _numbers(buckets.last),
        "mean": _numbers(buckets.mean),
    }


def _numbers(values: NDArray[Any]) -> tuple[str, bytes]:
    dtype = "f4" if values.dtype == np.float32 else "f8"
    return dtype, values.astype(f"<{dtype}", copy=False).tobytes()
