"""Columns as few bytes as they can be, without losing a bit.

The first byte says how: `RAW` (as they are, little-endian), `CONSTANT` (one value, which all of
them are) or `PCO` (pcodec's standalone format, https://github.com/pcodec/pcodec). `NARROWED` is
added where float64 values are all exactly float32 ones, as torch's losses are: kept as float32. NaN
with its payload, infinities and -0.0 come back to the bit.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pcodec import ChunkConfig, standalone

RAW, CONSTANT, PCO = 0, 1, 2
#: Of pcodec, up to 12; 8 would save another 3 % and take two and a half times as long.
LEVEL = 6
NARROWED = 16

Column = NDArray[Any]


class CodecError(ValueError):
    """Bytes that are not a column of these rows; the message says what is wrong with them."""


def encode(values: Column) -> bytes:
    """The smallest bytes for `values`: float32, float64, uint32 or uint64, of shape (rows,)."""
    narrow = _narrowed(values)
    stored, flag = (values, 0) if narrow is None else (narrow, NARROWED)
    bits = stored.view(f"u{stored.itemsize}")
    if len(bits) and bool((bits == bits[0]).all()):
        return bytes([CONSTANT | flag]) + stored[:1].tobytes()
    packed: bytes = standalone.simple_compress(
        np.ascontiguousarray(stored), ChunkConfig(compression_level=LEVEL)
    )
    if len(packed) < stored.nbytes:
        return bytes([PCO | flag]) + packed
    return bytes([RAW | flag]) + stored.tobytes()


def encode_raw(values: Column) -> bytes:
    """`values` as they are: for rows that will soon be written again together with others."""
    return bytes([RAW]) + values.tobytes()


def decode(data: bytes, dtype: str, rows: int) -> Column:
    """The values in `data`, of shape (rows,) and `dtype` (``"f4"``, ``"f8"``, ``"u4"``, ``"u8"``).

    Raises:
        CodecError: they are not that.
    """
    if not data:
        raise CodecError("no bytes")
    how, narrow, content = data[0] & ~NARROWED, bool(data[0] & NARROWED), data[1:]
    if narrow and dtype != "f8":
        raise CodecError(f"narrowed, which {dtype} cannot be")
    kept = np.dtype("<f4" if narrow else f"<{dtype}")
    if how == PCO:
        values = _unpacked(content, kept, rows)
    elif how in (RAW, CONSTANT):
        expected = kept.itemsize * (rows if how == RAW else 1)
        if len(content) != expected:
            raise CodecError(f"{len(content)} bytes instead of {expected}")
        found = np.frombuffer(content, kept)
        values = found if how == RAW else np.repeat(found, rows)
    else:
        raise CodecError(f"kind {how} is not known")
    return _widened(values) if narrow else values


def _unpacked(content: bytes, kept: np.dtype[Any], rows: int) -> Column:
    values = np.empty(rows, kept)
    try:
        progress = standalone.simple_decompress_into(content, values)
    except (RuntimeError, TypeError, ValueError) as error:
        raise CodecError(str(error)) from None
    if progress.n_processed != rows or not progress.finished:
        raise CodecError(f"not {rows} rows")
    return values


def _narrowed(values: Column) -> Column | None:
    """`values` as float32; None if that is not exact to the bit, or they are no float64."""
    if values.dtype != np.float64:
        return None
    with np.errstate(all="ignore"):
        narrow = values.astype("<f4")
        exact = np.array_equal(_widened(narrow).view("u8"), values.view("u8"))
    return narrow if exact else None


def _widened(values: Column) -> Column:
    with np.errstate(all="ignore"):
        return values.astype("<f8")
