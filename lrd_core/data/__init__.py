"""Data sets: what there is, where each lies on this machine, their content as tensors.

    images = load_images("cifar10")    # uint8 (N, C, H, W) with int64 labels
    text = load_text("tinyshakespeare")    # uint8 codes with their vocabulary
    state("cifar10")    # present or missing, and where; reads no data
    download("cifar10", lambda done, total: ...)    # the only function that uses the network

A file in `sets/` that defines `DATA_SET` is in the catalogue; nothing else to edit.
"""

from lrd_core.data.catalogue import (
    DATASETS,
    State,
    check_online,
    download,
    get_data_set,
    in_words,
    load_images,
    load_text,
    missing,
    state,
)
from lrd_core.data.data_set import DataSet, Images, ImageSet, Text, TextSet
from lrd_core.data.errors import BadDataError, DownloadError, MissingDataError
from lrd_core.data.places import named_folder, offline, use

__all__ = [
    "DATASETS",
    "BadDataError",
    "DataSet",
    "DownloadError",
    "ImageSet",
    "Images",
    "MissingDataError",
    "State",
    "Text",
    "TextSet",
    "check_online",
    "download",
    "get_data_set",
    "in_words",
    "load_images",
    "load_text",
    "missing",
    "named_folder",
    "offline",
    "state",
    "use",
]
