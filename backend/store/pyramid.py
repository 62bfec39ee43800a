"""Series at every zoom: the smallest, largest, last and mean value of buckets of rows.

A row's index is its step // every. Bucket b of size s holds the rows with indices from b·s to
(b + 1)·s − 1: its edges do not depend on what is asked for, so that panning changes no bucket.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Sizes of the buckets that are kept; level k has those of SIZES[k - 1], level 0 is the rows.
SIZES = (64, 256, 1024, 4096, 16_384, 65_536)
#: Rows that are summed up at a time: whole buckets of every size.
BLOCK = SIZES[-1]
#: Buckets that are stored together.
GROUP = 1024

Ints = NDArray[np.int64]
Values = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Buckets:
    """One entry a bucket that holds rows, in order; all of shape (buckets,).

    Attributes:
        number: which bucket.
        count: rows in it.
        bad: those of them that are NaN or infinite.
        low, high: smallest and largest finite value; NaN if there is none.
        last: value of the last row, whatever it is.
        mean: of the finite values, float32; NaN if there is none, or if it was not kept.
    """

    number: Ints
    count: Ints
    bad: Ints
    low: Values
    high: Values
    last: Values
    mean: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.number)

    def between(self, first: int, stop: int) -> Buckets:
        """The buckets with numbers from `first` to `stop` - 1."""
        low, high = np.searchsorted(self.number, [first, stop])
        return Buckets(*(part[low:high] for part in self.parts))

    @property
    def parts(self) -> tuple[NDArray[Any], ...]:
        return self.number, self.count, self.bad, self.low, self.high, self.last, self.mean


def bucketed(index: Ints, values: Values, size: int) -> Buckets:
    """Rows in buckets of `size`; `index` rises."""
    if not len(index):
        nothing = np.empty(0, np.int64)
        mean = np.empty(0, np.float32)
        return Buckets(nothing, nothing, nothing, values, values, values, mean)
    number = index // size
    starts = _starts(number)
    count = np.diff(starts, append=len(number))
    finite = np.isfinite(values)
    summed = values
    if finite.all():
        bad = np.zeros(len(starts), np.int64)
        low, high = np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts)
    else:
        bad = np.add.reduceat(~finite, starts, dtype=np.int64)
        known = np.where(finite, values, np.nan).astype(values.dtype)
        low, high = np.fmin.reduceat(known, starts), np.fmax.reduceat(known, starts)
        summed = np.where(finite, values, 0)
    mean = _means(summed, count - bad, starts)
    return Buckets(number[starts], count, bad, low, high, values[starts + count - 1], mean)


def coarser(buckets: Buckets, factor: int) -> Buckets:
    """The same rows in buckets `factor` times as large; a bucket that comes twice becomes one."""
    if not len(buckets):
        return buckets
    number = buckets.number // factor
    starts = _starts(number)
    ends = np.append(starts[1:], len(number)) - 1
    finite = buckets.count - buckets.bad
    sums = np.where(finite > 0, buckets.mean.astype(np.float64) * finite, 0.0)
    return Buckets(
        number[starts],
        np.add.reduceat(buckets.count, starts),
        np.add.reduceat(buckets.bad, starts),
        np.fmin.reduceat(buckets.low, starts),
        np.fmax.reduceat(buckets.high, starts),
        buckets.last[ends],
        _means(sums, np.add.reduceat(finite, starts), starts),
    )


def chained(parts: list[Buckets]) -> Buckets:
    """Buckets of one size that follow each other; one that lies on a border becomes one."""
    columns = zip(*(part.parts for part in parts), strict=True)
    return coarser(Buckets(*(np.concatenate(column) for column in columns)), 1)


def _means(sums: NDArray[np.floating[Any]], counts: Ints, starts: Ints) -> NDArray[np.float32]:
    """Of each group: the sum of its entries over its count, NaN where that is 0."""
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        total = np.add.reduceat(sums, starts, dtype=np.float64)
        return (total / counts).astype(np.float32)


def _starts(number: Ints) -> Ints:
    """Where each new number begins."""
    changes = np.flatnonzero(number[1:] != number[:-1]) + 1
    return np.concatenate(([0], changes)).astype(np.int64)
