"""What a data set is: its name, size, licence and source, and how its files become tensors."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from lrd_core.data import decoded
from lrd_core.data.errors import BadDataError
from lrd_core.data.places import Format, Found, Hub, hub_cache
from lrd_core.data.readers import idx, parquet, plain

SPLITS = ("train", "test")


@dataclass(frozen=True, eq=False)
class Images:
    """Labelled images; shared by everyone in the process, so never to be changed in place.

    Attributes:
        train_images, test_images: (N, C, H, W), uint8.
        train_labels, test_labels: (N,), int64, from 0 to classes − 1.
    """

    train_images: torch.Tensor
    train_labels: torch.Tensor
    test_images: torch.Tensor
    test_labels: torch.Tensor


@dataclass(frozen=True, eq=False)
class Text:
    """A text as codes; shared by everyone in the process, so never to be changed in place.

    Attributes:
        train, test: (N,), uint8; the test part follows the training part in the text.
        vocabulary: every character that occurs, in order of code point; code i is character i.
    """

    train: torch.Tensor
    test: torch.Tensor
    vocabulary: str


@dataclass(frozen=True)
class DataSet:
    """An entry of the catalogue; `ImageSet` or `TextSet`.

    Attributes:
        name: key in the catalogue, and of the folder that may hold it.
        label: words shown to a person.
        about: one sentence.
        size: bytes to download.
        licence: as its source states it.
        hub: where it is downloaded from.
        formats: file formats it may come in, the first that is there is read.
    """

    name: str
    label: str
    about: str
    size: int
    licence: str
    hub: Hub
    formats: tuple[Format, ...]

    def read(self, found: Found) -> Images | Text:
        """The content of `found`; see `lrd_core.data.load_images`."""
        raise NotImplementedError

    def bad(self, path: Path, wrong: str) -> BadDataError:
        """The error that says what is wrong with a file of this data set."""
        if path.is_relative_to(hub_cache()):
            mend = f"`lrd data get {self.name}`, which downloads it again"
        else:
            mend = f"a whole copy of {self.label} in its place"
        return BadDataError(path, self.label, wrong, mend)


@dataclass(frozen=True)
class ImageSet(DataSet):
    """Labelled images.

    Attributes:
        shape: (C, H, W).
        train_counts, test_counts: images of each class, which tell one data set from another.
        mean, std: customary for its pixels scaled to [0, 1], by channel.
        label_column: of the Parquet files.
        words: for each class; empty where its number is its name.
    """

    shape: tuple[int, int, int]
    train_counts: tuple[int, ...]
    test_counts: tuple[int, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    label_column: str = "label"
    words: tuple[str, ...] = ()

    @property
    def classes(self) -> int:
        return len(self.train_counts)

    def read(self, found: Found) -> Images:
        """The images, decoded once and then kept in the user's cache.

        Raises:
            BadDataError: a file that is not what it should be.
        """
        shapes: dict[str, tuple[torch.dtype, tuple[int, ...]]] = {}
        for split, counts in zip(SPLITS, (self.train_counts, self.test_counts), strict=True):
            shapes[f"{split}_images"] = (torch.uint8, (sum(counts), *self.shape))
            shapes[f"{split}_labels"] = (torch.int64, (sum(counts),))
        return Images(**decoded.load(self.name, found.key, shapes, lambda: self._decode(found)))

    def _decode(self, found: Found) -> dict[str, torch.Tensor]:
        tensors = {}
        for split, counts in zip(SPLITS, (self.train_counts, self.test_counts), strict=True):
            if found.format == idx.FORMAT.name:
                images, labels = self._from_idx(found, split, counts)
            else:
                images, labels = self._from_parquet(found, split, counts)
            tensors[f"{split}_images"] = torch.from_numpy(images)
            tensors[f"{split}_labels"] = torch.from_numpy(labels)
        return tensors

    def _from_idx(
        self, found: Found, split: str, counts: tuple[int, ...]
    ) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        paths = {part: found.files[f"{split} {part}"][0] for part in ("images", "labels")}
        arrays = {}
        for part, shape in (("images", self.shape[1:]), ("labels", ())):
            try:
                arrays[part] = idx.read(paths[part])
            except ValueError as error:
                raise self.bad(paths[part], str(error)) from None
            if arrays[part].shape != (sum(counts), *shape):
                wanted = "×".join(map(str, (sum(counts), *shape)))
                has = "×".join(map(str, arrays[part].shape))
                raise self.bad(paths[part], f"it holds {has} values, not {wanted}")
        labels = arrays["labels"].astype(np.int64)
        self._check_classes(paths["labels"], labels, counts)
        return arrays["images"].reshape(-1, *self.shape).copy(), labels

    def _from_parquet(
        self, found: Found, split: str, counts: tuple[int, ...]
    ) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        parts = []
        for path in found.files[split]:
            try:
                parts.append(parquet.read_images(path, self.label_column, self.shape))
            except ValueError as error:
                raise self.bad(path, str(error)) from None
        images = np.concatenate([images for images, _ in parts])
        labels = np.concatenate([labels for _, labels in parts])
        if len(images) != sum(counts):
            wrong = f"the {split} files hold {len(images):,} images, not {sum(counts):,}"
            raise self.bad(found.files[split][0], wrong)
        self._check_classes(found.files[split][0], labels, counts)
        return images, labels

    def _check_classes(
        self, path: Path, labels: NDArray[np.int64], counts: tuple[int, ...]
    ) -> None:
        if labels.min() < 0 or labels.max() >= len(counts):
            wrong = f"its labels go from {labels.min()} to {labels.max()}, not 0 to"
            raise self.bad(path, f"{wrong} {len(counts) - 1}")
        has = np.bincount(labels, minlength=len(counts))
        if tuple(has) != counts:
            label = int(np.flatnonzero(has != counts)[0])
            wrong = f"class {label} occurs {has[label]:,} times, not {counts[label]:,}"
            raise self.bad(path, f"{wrong}: is it another data set?")


@dataclass(frozen=True)
class TextSet(DataSet):
    """A text, character by character.

    Attributes:
        characters: its length.
        symbols: how many different characters it has, at most 256.
        train_characters: how many of them, from the beginning, are for training.
    """

    characters: int
    symbols: int
    train_characters: int

    def read(self, found: Found) -> Text:
        """The text as codes.

        Raises:
            BadDataError: a file that is not what it should be.
        """
        reader = plain.read if found.format == plain.FORMAT.name else parquet.read_text
        text = ""
        for path in (path for paths in found.files.values() for path in paths):
            try:
                text += reader(path)
            except ValueError as error:
                raise self.bad(path, str(error)) from None
        points = np.frombuffer(text.encode("utf-32-le"), dtype="<u4")
        kinds, codes = np.unique(points, return_inverse=True)
        if (len(points), len(kinds)) != (self.characters, self.symbols):
            first = next(iter(found.files.values()))[0]
            wrong = f"{len(points):,} characters of {len(kinds)} kinds"
            wanted = f"{self.characters:,} of {self.symbols}"
            raise self.bad(first, f"it has {wrong}, not {wanted}")
        tensor = torch.from_numpy(codes.astype(np.uint8))
        return Text(
            train=tensor[: self.train_characters],
            test=tensor[self.train_characters :],
            vocabulary="".join(map(chr, kinds)),
        )
