"""Series in the formats that `Accept` can ask for.

JSON is `backend.protocol.Series`. Arrow, Parquet and CSV are one table. Without a width: ``step``
and a column each, null or empty where a column has no row at a step. With a width: a row a bucket,
``column, first, last, count, bad, min, max, final``; a row that came as it is counts as a bucket of
one. NaN and infinities stay what they are: in CSV ``NaN``, ``Infinity``, ``-Infinity``.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Literal

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from backend.errors import ApiError
from backend.store.pyramid import bucketed
from backend.store.reading import BucketColumn, RawColumn, Read

JSON = "application/json"
ARROW = "application/vnd.apache.arrow.stream"
CSV = "text/csv"
PARQUET = "application/vnd.apache.parquet"


def chosen(accept: str, among: Collection[str] | None = None) -> str:
    """The format that an `Accept` header asks for most; of all that there are, or `among` some.

    Raises:
        ApiError: 406, it allows none of them.
    """
    offered = WRITERS if among is None else among
    best, weight = "", 0.0
    for part in accept.split(",") if accept.strip() else ["*/*"]:
        media, *parameters = (word.strip().lower() for word in part.split(";"))
        quality = _quality(parameters)
        for known in offered:
            if quality > weight and media in (known, known.split("/")[0] + "/*", "*/*"):
                best, weight = known, quality
    if not best:
        allowed = ", ".join(offered)
        message = f"Accept: {accept!r} is not allowed; use one of {allowed}"
        raise ApiError(406, "Accept", accept, allowed, message)
    return best


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return float(parameter[2:])
            except ValueError:
                return 0.0
    return 1.0


def json_number(value: float) -> float | Literal["NaN", "Infinity", "-Infinity"]:
    """`value`, or its name where JSON has no number for it."""
    if value != value:
        return "NaN"
    if value == math.inf:
        return "Infinity"
    return "-Infinity" if value == -math.inf else value


def _numbers(values: np.ndarray[Any, Any]) -> list[Any]:
    listed: list[Any] = values.tolist()
    return listed if np.isfinite(values).all() else [json_number(value) for value in listed]


def _json(run: str, found: Mapping[str, Read], _bucketed: bool) -> bytes:
    # Not through the models: that takes ten times as long.
    columns = {name: _lists(column) for name, column in found.items()}
    return msgspec.json.encode({"run": run, "columns": columns})


def _lists(column: Read) -> dict[str, list[Any]]:
    """What `Points` or `BucketsOut` hold."""
    if isinstance(column, RawColumn):
        return {"steps": column.steps.tolist(), "values": _numbers(column.values)}
    buckets = column.buckets
    return {
        "first": column.first.tolist(),
        "last": column.last.tolist(),
        "count": buckets.count.tolist(),
        "bad": buckets.bad.tolist(),
        "min": _numbers(buckets.low),
        "max": _numbers(buckets.high),
        "final": _numbers(buckets.last),
    }


def table(found: Mapping[str, Read], in_buckets: bool) -> pa.Table:
    """The table that Arrow, Parquet and CSV hold."""
    return _long(found) if in_buckets else _wide(found)


def _wide(found: Mapping[str, Read]) -> pa.Table:
    raw = {name: column for name, column in found.items() if isinstance(column, RawColumn)}
    sets = [column.steps for column in raw.values()]
    steps = np.unique(np.concatenate(sets)) if sets else np.empty(0, np.int64)
    columns = {"step": pa.array(steps)}
    for name, column in raw.items():
        if len(column.steps) == len(steps):
            columns[name] = pa.array(column.values)
            continue
        place = np.searchsorted(steps, column.steps)
        values = np.zeros(len(steps), column.values.dtype)
        missing = np.ones(len(steps), bool)
        values[place], missing[place] = column.values, False
        columns[name] = pa.array(values, mask=missing)
    return pa.table(columns)


def _long(found: Mapping[str, Read]) -> pa.Table:
    parts = [_part(name, column) for name, column in found.items()]
    return pa.concat_tables(parts) if parts else _part("", RawColumn(_NOTHING, _NOTHING * 1.0))


_NOTHING = np.empty(0, np.int64)


def _part(name: str, column: Read) -> pa.Table:
    if isinstance(column, RawColumn):
        single = bucketed(column.steps, column.values, 1)
        column = BucketColumn(column.steps, column.steps, single)
    buckets = column.buckets
    return pa.table(
        {
            "column": pa.array([name] * len(buckets), pa.string()),
            "first": column.first,
            "last": column.last,
            "count": buckets.count,
            "bad": buckets.bad,
            "min": buckets.low.astype(np.float64),
            "max": buckets.high.astype(np.float64),
            "final": buckets.last.astype(np.float64),
        }
    )


def _arrow(made: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, made.schema) as writer:
        writer.write_table(made)
    return bytes(sink.getvalue())


def _parquet(made: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(made, sink, compression="zstd")
    return bytes(sink.getvalue())


def _csv(made: pa.Table) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(made.column_names)
    writer.writerows(zip(*(_texts(column) for column in made.columns), strict=True))
    return text.getvalue().encode()


def _texts(column: pa.ChunkedArray) -> Iterator[Any]:
    for value in column.to_pylist():
        yield json_number(value) if isinstance(value, float) else value


#: What makes a file of a table, by media type.
ENCODERS: dict[str, Callable[[pa.Table], bytes]] = {ARROW: _arrow, PARQUET: _parquet, CSV: _csv}


def _encoded(media: str) -> Callable[[str, Mapping[str, Read], bool], bytes]:
    encode = ENCODERS[media]
    return lambda _run, found, in_buckets: encode(table(found, in_buckets))


WRITERS: dict[str, Callable[[str, Mapping[str, Read], bool], bytes]] = {
    JSON: _json,
    **{media: _encoded(media) for media in ENCODERS},
}
