"""Parquet files as the Hugging Face hub keeps them: encoded images with labels, or text."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lrd_core.data.places import Format

IMAGES = Format("parquet", {split: (f"{split}-*.parquet",) for split in ("train", "test")})
TEXT = Format(
    "parquet", {split: (f"{split}-*.parquet",) for split in ("train", "validation", "test")}
)
#: What the hub calls the files of an image data set.
HUB_IMAGES = {split: f"{split}-00000-of-00001.parquet" for split in IMAGES.parts}
#: Names that the column of images goes by.
IMAGE_COLUMNS = ("img", "image")
TEXT_COLUMN = "text"


def read_images(
    path: Path, label_column: str, shape: tuple[int, int, int]
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Images (N, C, H, W) and labels (N,) of one file.

    Args:
        path: its image column holds ``{"bytes": …}``, each an encoded image (PNG or JPEG).
        label_column: whole numbers.
        shape: (C, H, W) that every image must have; one channel reads grey, three RGB.

    Raises:
        ValueError: not such a file, cut short, or an image that cannot be decoded; says what is
            wrong.
    """
    from PIL import Image

    channels, height, width = shape
    columns = _columns(path)
    name = next((name for name in IMAGE_COLUMNS if name in columns), None)
    if name is None or label_column not in columns:
        wanted = f"{' or '.join(IMAGE_COLUMNS)}, and {label_column}"
        raise ValueError(f"its columns are {', '.join(columns)}, not {wanted}")
    table = _table(path, [name, label_column])
    images = np.empty((table.num_rows, height, width, channels), np.uint8)
    row = 0
    for chunk in table.column(name).chunks:
        for encoded in chunk.field("bytes"):
            try:
                with Image.open(io.BytesIO(encoded.as_buffer())) as image:
                    if image.size != (width, height):
                        found = f"{image.size[0]}×{image.size[1]}"
                        raise ValueError(f"image {row} is {found}, not {width}×{height} pixels")
                    pixels = np.asarray(image.convert("L" if channels == 1 else "RGB"))
            except (OSError, SyntaxError, TypeError) as error:
                raise ValueError(f"image {row} cannot be decoded ({error})") from None
            images[row] = pixels.reshape(height, width, channels)
            row += 1
    labels = table.column(label_column).to_numpy().astype(np.int64)
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2)), labels


def read_text(path: Path) -> str:
    """The rows of the column ``text``, joined.

    Raises:
        ValueError: not such a file; says what is wrong.
    """
    columns = _columns(path)
    if TEXT_COLUMN not in columns:
        raise ValueError(f"its columns are {', '.join(columns)}, not {TEXT_COLUMN}")
    return "".join(_table(path, [TEXT_COLUMN]).column(TEXT_COLUMN).to_pylist())


def _columns(path: Path) -> list[str]:
    return list(_open(path).schema_arrow.names)


def _table(path: Path, columns: Sequence[str]) -> Any:
    import pyarrow

    try:
        return _open(path).read(columns=list(columns))
    except (pyarrow.ArrowException, OSError) as error:
        raise ValueError(f"it cannot be read as Parquet ({error})") from None


def _open(path: Path) -> Any:
    import pyarrow
    import pyarrow.parquet

    try:
        return pyarrow.parquet.ParquetFile(path)
    except (pyarrow.ArrowException, OSError) as error:
        raise ValueError(f"it cannot be read as Parquet ({error})") from None
