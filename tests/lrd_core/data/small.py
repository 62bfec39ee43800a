"""Data sets of a few images, written in every format that a real one may come in."""

from __future__ import annotations

import gzip
import io
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from numpy.typing import NDArray
from PIL import Image

from lrd_core.data import DATASETS, Images, ImageSet, TextSet

IDX_NAMES = {
    "train_images": "train-images-idx3-ubyte",
    "train_labels": "train-labels-idx1-ubyte",
    "test_images": "t10k-images-idx3-ubyte",
    "test_labels": "t10k-labels-idx1-ubyte",
}
PARQUET_NAMES = {split: f"{split}-00000-of-00001.parquet" for split in ("train", "test")}


def image_set(name: str, train: tuple[int, ...] = (3, 2, 1), test: tuple[int, ...] = (1, 1, 2)):
    """The data set `name` as if it had these few images of each class."""
    known = DATASETS[name]
    assert isinstance(known, ImageSet)
    return replace(known, train_counts=train, test_counts=test)


def text_set(text: str) -> TextSet:
    """Tiny Shakespeare as if it were `text`, nine tenths of it for training."""
    known = DATASETS["tinyshakespeare"]
    assert isinstance(known, TextSet)
    counts = {"characters": len(text), "symbols": len(set(text))}
    return replace(known, **counts, train_characters=len(text) * 9 // 10)


@dataclass(frozen=True)
class Content:
    """Random images (N, C, H, W) and labels of the right number of each class."""

    arrays: Mapping[str, NDArray[np.uint8]]

    @classmethod
    def of(cls, data_set: ImageSet, seed: int = 0) -> Content:
        random = np.random.default_rng(seed)
        arrays: dict[str, NDArray[np.uint8]] = {}
        for split, counts in (("train", data_set.train_counts), ("test", data_set.test_counts)):
            labels = np.repeat(np.arange(len(counts), dtype=np.uint8), counts)
            arrays[f"{split}_labels"] = random.permutation(labels)
            shape = (len(labels), *data_set.shape)
            arrays[f"{split}_images"] = random.integers(0, 256, shape, dtype=np.uint8)
        return cls(arrays)

    def check(self, images: Images) -> None:
        """`images` are exactly these."""
        for name, array in self.arrays.items():
            tensor = getattr(images, name)
            assert tensor.dtype == (torch.uint8 if name.endswith("images") else torch.int64), name
            np.testing.assert_array_equal(tensor.numpy(), array, name)

    def write_idx(self, folder: Path, packed: bool = False) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for name, file in IDX_NAMES.items():
            array = self.arrays[name]
            array = array.squeeze(1) if name.endswith("images") else array
            data = bytes([0, 0, 8, array.ndim])
            data += b"".join(n.to_bytes(4, "big") for n in array.shape) + array.tobytes()
            if packed:
                (folder / f"{file}.gz").write_bytes(gzip.compress(data))
            else:
                (folder / file).write_bytes(data)

    def write_parquet(
        self, folder: Path, image: str = "img", label: str = "label", shards: int = 1
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for split in ("train", "test"):
            images, labels = self.arrays[f"{split}_images"], self.arrays[f"{split}_labels"]
            pieces = np.array_split(np.arange(len(labels)), shards)
            for shard, rows in enumerate(pieces):
                encoded = [{"bytes": png(images[row]), "path": None} for row in rows]
                table = pa.table(
                    {
                        image: pa.array(
                            encoded, pa.struct([("bytes", pa.binary()), ("path", pa.string())])
                        ),
                        label: pa.array(labels[rows].astype(np.int64)),
                    }
                )
                # Row groups, so that a column comes in several chunks.
                pq.write_table(
                    table, folder / f"{split}-{shard:05}-of-{shards:05}.parquet", row_group_size=2
                )


def png(pixels: NDArray[np.uint8]) -> bytes:
    """An image (C, H, W) as PNG."""
    plain = pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0)
    buffer = io.BytesIO()
    Image.fromarray(plain).save(buffer, "PNG")
    return buffer.getvalue()


def write_text_parquet(folder: Path, text: str) -> None:
    """The text as the hub keeps it: nine tenths, a twentieth, a twentieth; one row a file."""
    folder.mkdir(parents=True, exist_ok=True)
    first, second = len(text) * 90 // 100, len(text) * 95 // 100
    parts = {"train": text[:first], "validation": text[first:second], "test": text[second:]}
    for split, part in parts.items():
        pq.write_table(pa.table({"text": [part]}), folder / f"{split}-00000-of-00001.parquet")
