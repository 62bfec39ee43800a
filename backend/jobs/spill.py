"""Frames that found no room in memory, on the disk, first in, first out."""

from __future__ import annotations

import logging
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from backend.jobs.seal import HEADER, opened, sealed
from lrd_core.engine.frames import FrameError

log = logging.getLogger(__name__)


class SpillError(RuntimeError):
    """What was spilled can't be read back."""


class Spill:
    """A queue in a file without a name: when its process ends, however that dies, it is gone.

    It need not outlive the process: whoever resumes the experiment makes the rows that were never
    acknowledged again, with the same bits.

    Args:
        folder: where the file is made, with the first frame.
        limit: bytes that it may have.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self._folder = folder
        self._limit = limit
        self._file: BinaryIO | None = None
        self._frames = 0
        self._read = 0
        self._end = 0
        self._failed = ""

    def __len__(self) -> int:
        """Frames in it."""
        return self._frames

    def put(self, data: bytes) -> bool:
        """Append a frame; False, and nothing appended, if there is no room for it."""
        record = sealed(data)
        if self._end + len(record) > self._limit:
            return False
        try:
            self._append(record)
        except OSError as error:
            if str(error) != self._failed:
                log.warning("nothing can be spilled to %s: %s", self._folder, error)
            self._failed = str(error)
            return False
        self._failed = ""
        self._end += len(record)
        self._frames += 1
        return True

    def _append(self, record: bytes) -> None:
        if self._file is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._file = tempfile.TemporaryFile(dir=self._folder, buffering=0)  # noqa: SIM115
        # What a failed attempt has left behind the end is written over.
        self._file.seek(self._end)
        rest = memoryview(record)
        while rest:
            rest = rest[self._file.write(rest) :]

    def take(self) -> bytes:
        """The oldest frame, and forget it.

        Raises:
            IndexError: there is none.
            SpillError: the disk does not give it back as it was.
        """
        if self._file is None or not self._frames:
            raise IndexError("nothing is spilled")
        try:
            self._file.seek(self._read)
            header = self._file.read(HEADER.size)
            record = header + self._file.read(HEADER.unpack(header)[0])
            data = opened(record)
        except (OSError, ValueError, FrameError) as error:
            raise SpillError(
                f"rows that were kept on the disk can't be read back ({error})"
            ) from error
        self._read += len(record)
        self._frames -= 1
        if not self._frames:
            self.clear()
        return data

    def clear(self) -> None:
        """Forget everything, and give the disk its room back."""
        if self._file is not None:
            with suppress(OSError):
                self._file.close()
        self._file = None
        self._frames = self._read = self._end = 0
