"""A frame on its way, over the link or through a file: length and checksum before its bytes."""

from __future__ import annotations

import struct
import zlib

from lrd_core.engine.frames import FrameError

#: Bytes that follow, and their CRC-32; both uint32, little-endian.
HEADER = struct.Struct("<II")


def sealed(data: bytes) -> bytes:
    """`data` with its length and checksum before it."""
    return HEADER.pack(len(data), zlib.crc32(data)) + data


def opened(message: bytes) -> bytes:
    """What was sealed.

    Raises:
        FrameError: it is cut short, too long, or was damaged.
    """
    if len(message) < HEADER.size:
        words = f"{len(message)} bytes came, and its header alone has {HEADER.size}"
        raise FrameError(f"frame: {words}; send it whole")
    size, checksum = HEADER.unpack_from(message)
    data = message[HEADER.size :]
    if len(data) != size:
        raise FrameError(f"frame: {len(data)} bytes came and {size} were announced; send it whole")
    if zlib.crc32(data) != checksum:
        raise FrameError("frame: its checksum does not fit its bytes; send it again")
    return data
