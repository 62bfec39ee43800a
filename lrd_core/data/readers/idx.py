"""IDX files, plain or gzipped: Y. LeCun, C. Cortes, C. Burges, "The MNIST database"."""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lrd_core.data.places import Format

FORMAT = Format(
    "idx",
    {
        f"{split} {what}": tuple(
            f"{start}-{what}{mark}idx{axes}-ubyte{end}" for end in ("", ".gz") for mark in "-."
        )
        for split, start in (("train", "train"), ("test", "t10k"))
        for what, axes in (("images", 3), ("labels", 1))
    },
)
_UINT8 = 8


def read(path: Path) -> NDArray[np.uint8]:
    """The array in an IDX file of unsigned bytes.

    The header is two zero bytes, the type's code, the number of axes, then the length of each axis
    as a big-endian 32-bit number.

    Raises:
        ValueError: not such a file, or cut short; says what is wrong.
    """
    data = path.read_bytes()
    if path.suffix == ".gz":
        try:
            data = gzip.decompress(data)
        except (EOFError, OSError, zlib.error) as error:
            raise ValueError(f"it cannot be unpacked ({error})") from None
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] != _UINT8 or not data[3]:
        raise ValueError("it is not an IDX file of bytes")
    start = 4 + 4 * data[3]
    if len(data) < start:
        raise ValueError("its header is cut short")
    shape = tuple(int(n) for n in np.frombuffer(data, ">u4", data[3], 4))
    if len(data) - start != math.prod(shape):
        has, says = len(data) - start, math.prod(shape)
        raise ValueError(f"it holds {has:,} bytes where its header says {says:,}")
    return np.frombuffer(data, np.uint8, offset=start).reshape(shape)
