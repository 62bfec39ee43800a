"""Plain text files in UTF-8."""

from __future__ import annotations

from pathlib import Path

from lrd_core.data.places import Format

FORMAT = Format("text", {"text": ("input.txt", "tiny*shakespeare.txt")})


def read(path: Path) -> str:
    """The whole text, line ends as they are.

    Raises:
        ValueError: not UTF-8; says where.
    """
    try:
        return path.read_bytes().decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"it is not UTF-8 text ({error.reason} at byte {error.start})") from None
