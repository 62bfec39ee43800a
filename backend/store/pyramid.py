"""Series at every zoom: the smallest, largest and last value of buckets of rows.

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
    """

    number: Ints
    count: Ints
    bad: Ints
    low: Values
    high: Values
    last: Values

    def __len__(self) -> int:
        return len(self.number)

    def between(self, first: int, stop: int) -> Buckets:
        """The buckets with numbers from `first` to `stop` - 1."""
        low, high = np.searchsorted(self.number, [first, stop])
        return Buckets(*(part[low:high] for part in self.parts))

    @property
    def parts(self) -> tuple[NDArray[Any], ...]:
        return self.number, self.count, self.bad, self.low, self.high, self.last


def bucketed(index: Ints, values: Values, size: int) -> Buckets:
    """Rows in buckets of `size`; `index` rises."""
    if not len(index):
        nothing = np.empty(0, np.int64)
        return Buckets(nothing, nothing, nothing, values, values, values)
    number = index // size
    starts = _starts(number)
    count = np.diff(starts, append=len(number))
    finite = np.isfinite(values)
    if finite.all():
        bad = np.zeros(len(starts), np.int64)
        low, high = np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts)
    else:
        bad = np.add.reduceat(~finite, starts, dtype=np.int64)
        known = np.where(finite, values, np.nan).astype(values.dtype)
        low, high = np.fmin.reduceat(known, starts), np.fmax.reduceat(known, starts)
    return Buckets(number[starts], count, bad, low, high, values[starts + count - 1])


def coarser(buckets: Buckets, factor: int) -> Buckets:
    """The same rows in buckets `factor` times as large; a bucket that comes twice becomes one."""
    if not len(buckets):
        return buckets
    number = buckets.number // factor
    starts = _starts(number)
    ends = np.append(starts[1:], len(number)) - 1
    return Buckets(
        number[starts],
        np.add.reduceat(buckets.count, starts),
        np.add.reduceat(buckets.bad, starts),
        np.fmin.reduceat(buckets.low, starts),
        np.fmax.reduceat(buckets.high, starts),
        buckets.last[ends],
    )


def chained(parts: list[Buckets]) -> Buckets:
    """Buckets of one size that follow each other; one that lies on a border becomes one."""
    columns = zip(*(part.parts for part in parts), strict=True)
    return coarser(Buckets(*(np.concatenate(column) for column in columns)), 1)


def _starts(number: Ints) -> Ints:
    """Where each new number begins."""
    changes = np.flatnonzero(number[1:] != number[:-1]) + 1
    return np.concatenate(([0], changes)).astype(np.int64)
